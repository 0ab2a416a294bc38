// Moves dead letters of one destination to an SQS queue: a letter as EventBridge's own, the
// event with attributes that say why (aws/sqs.h), so that tools made for those know it.
//
// Belongs to the delivery thread, which reads the letters' logs as it reads any log: a letter
// is released there once the queue said it has it. Whatever fails is held, so that letters
// wait without a limit; what the queue will never take is kept in its log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aws/service_client.h"
#include "aws/sqs.h"
#include "destination/destination.h"

namespace momento {

// What a destination's letters look like in their queue.
struct LetterForm {
    std::string destination;  // whose letters; no others are meant
    std::string target;       // where they should have gone: the bus, or the file's path
    std::string source;       // of the events
    std::string region;       // of the events
};

// What a letter becomes. An event is told as EventBridge delivers it; what no event can be
// made of, by its bytes.
aws::SqsMessage make_letter_message(const Record& letter, const LetterForm& form);

// True if it is a letter of that destination, and no rule of SQS keeps it out of its queue:
// sooner or later it is moved there. Any thread.
bool is_for_queue(const Record& letter, const LetterForm& form);

struct DeadLetterQueueSettings {
    LetterForm form;
    aws::SqsQueue queue;
    aws::ServiceSettings service;
};

class DeadLetterQueue final : public Destination {
  public:
    DeadLetterQueue(DeadLetterQueueSettings settings,
                    std::shared_ptr<aws::CredentialsProvider> credentials,
                    const aws::ServiceTools& tools);

    BatchLimits limits() const override { return {aws::sqs_max_messages, aws::sqs_max_bytes}; }
    bool accepts(const Record& letter) const override;
    size_t entry_size(const Record& letter) const override;
    void send(std::vector<const Record*> batch, Done done) override;
    void step() override { client_.step(); }
    void stop_sending() override { client_.stop(); }
    size_t max_in_flight() const override;

  private:
    const DeadLetterQueueSettings settings_;
    aws::ServiceClient client_;
};

}  // namespace momento
