// The file SPOOL/.dead/queues: a note of which destinations' dead letters are moved to a queue,
// for whoever has the spool and not the configuration (`momentoctl drain`). JSON:
//
//   {"version":1,"queues":[
//     {"destination":"bus","target":"hooks","source":"Momento","region":"us-west-2"}]}
//
// The workers that started last write it. It decides nothing about delivery. Blocks; the
// delivery thread and the command-line tool call this.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "destination/dead_letter_queue.h"

namespace momento {

// Makes the note say so, unless it does. False: another process is writing it, look again
// later. Without forms and without a note nothing is made.
Result<bool> write_queue_note(FileSystem& files, const std::string& spool,
                              const std::vector<LetterForm>& forms);

// No note: no forms. One that cannot be understood is an error.
Result<std::vector<LetterForm>> read_queue_note(FileSystem& files, const std::string& spool);

}  // namespace momento
