// Reads the small XML documents of STS: their leaf elements' texts, by path.
//
// Strict and bounded rather than complete: elements, attributes (skipped), text, one XML
// declaration. Comments, CDATA, processing instructions and document types are refused,
// as is whatever is nested, repeated or long beyond what such an answer needs. Pure; any
// thread. No error quotes the document: it holds secrets.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace momento::aws {

class XmlLeaves {
  public:
    static Result<XmlLeaves> read(std::string_view document);

    XmlLeaves() = default;
    XmlLeaves(XmlLeaves&&) = default;
    XmlLeaves& operator=(XmlLeaves&&) = delete;
    ~XmlLeaves();  // cleanses

    // The text of "Root/Child/Leaf", without blanks around it; nothing if there is no such
    // leaf, or if it holds a reference other than XML's own five entities.
    std::optional<std::string> text(const std::string& path) const;

  private:
    std::map<std::string, std::string> raw_;  // of an element that stands twice the first
};

}  // namespace momento::aws
