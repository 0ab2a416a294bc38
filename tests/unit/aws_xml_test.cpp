#include "aws/xml.h"

#include <gtest/gtest.h>

namespace momento::aws {
namespace {

TEST(Xml, ReadsLeavesByTheirPath) {
    auto xml = XmlLeaves::read(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<a xmlns=\"https://x/\">\n  <b><c> one </c><d/></b>\n  <c>two</c>\n</a>\n");
    ASSERT_TRUE(xml);
    EXPECT_EQ(xml->text("a/b/c"), "one");
    EXPECT_EQ(xml->text("a/b/d"), "");
    EXPECT_EQ(xml->text("a/c"), "two");
    EXPECT_FALSE(xml->text("a/b"));
    EXPECT_FALSE(xml->text("c"));
}

TEST(Xml, OfAnElementThatStandsTwiceTheFirstCounts) {
    EXPECT_EQ(XmlLeaves::read("<a><b>1</b><b>2</b></a>")->text("a/b"), "1");
}

TEST(Xml, KnowsItsOwnEntitiesAndNoOthers) {
    auto xml = XmlLeaves::read("<a><b>&lt;&gt;&amp;&quot;&apos;</b><c>&x;</c><d>&</d></a>");
    EXPECT_EQ(xml->text("a/b"), "<>&\"'");
    EXPECT_FALSE(xml->text("a/c"));
    EXPECT_FALSE(xml->text("a/d"));
}

TEST(Xml, RefusesWhatIsMoreOrLessThanElements) {
    for (const char* document :
         {"", "text", "<a>", "<a", "</a>", "<a></b>", "<a><b></a></b>", "<a/><b/>", "<a/>x",
          "<>x</>", "<1/>", "<a><!-- --></a>", "<a><![CDATA[x]]></a>", "<!DOCTYPE a><a/>",
          "<a><?x?></a>", "<?xml version=\"1.0\"", "<a>x<b/></a>", "<a><b/>x</a>"}) {
        auto xml = XmlLeaves::read(document);
        ASSERT_FALSE(xml) << document;
        EXPECT_EQ(xml.error().text.find("the answer is not the XML expected: "), 0u);
    }
}

TEST(Xml, IsBounded) {
    auto nested = [](int depth) {
        std::string document;
        for (int i = 0; i < depth; ++i) document += "<a>";
        for (int i = 0; i < depth; ++i) document += "</a>";
        return document;
    };
    EXPECT_TRUE(XmlLeaves::read(nested(8)));
    EXPECT_FALSE(XmlLeaves::read(nested(9)));

    std::string many = "<a>";
    for (int i = 0; i < 64; ++i) many += "<b/>";
    EXPECT_FALSE(XmlLeaves::read(many + "</a>"));
    EXPECT_FALSE(XmlLeaves::read("<a>" + std::string(65'536, 'x') + "</a>"));
}

}  // namespace
}  // namespace momento::aws
