#include "destination/letter_queue.h"

#include <utility>

#include "aws/sqs.h"
#include "destination/aws_account.h"

namespace momento {

std::optional<LetterForm> letter_form(const TargetSettings& settings) {
    if (settings.letter_queue.url.empty()) return {};
    return LetterForm{settings.name, settings.target, settings.source,
                      settings.letter_queue.service.signing_region};
}

std::shared_ptr<Destination> make_letter_queue(const TargetSettings& settings,
                                               const DestinationTools& tools) {
    const std::optional<LetterForm> form = letter_form(settings);
    if (!form) return nullptr;
    auto parsed = aws::parse_queue_url(settings.letter_queue.url);
    if (!parsed) return nullptr;  // resolve() has refused it

    DeadLetterQueueSettings queue;
    queue.form = *form;
    queue.queue = std::move(*parsed);
    queue.service.user = "dead-letter queue of " + settings.subject();
    queue.service.endpoint = settings.letter_queue.service;
    queue.service.content_type = aws::sqs_content_type;
    queue.service.connect_timeout_ms = settings.http.connect_timeout_ms;
    queue.service.total_timeout_ms = settings.http.total_timeout_ms;
    AwsAccount account =
        make_aws_account(queue.service.user, settings.letter_queue.sts, settings.aws, tools);
    return std::make_shared<DeadLetterQueue>(std::move(queue), account.credentials,
                                             account.tools);
}

}  // namespace momento
