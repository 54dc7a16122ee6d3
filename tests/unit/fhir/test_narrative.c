/* What R4 narrative.html#rules allows, and what it does not. */

#include "base/count.h"
#include "fhir/narrative.h"
#include "tests/unit/fhir/reading.h"

#define DIV(content) "<div xmlns=\"http://www.w3.org/1999/xhtml\">" content "</div>"

static struct narrative_finding check(const char *div)
{
    struct narrative_finding finding;

    narrative_check(text_of(div), &finding);
    return finding;
}

static void plain_formatting_is_fine(void **state)
{
    static const char *const divs[] = {
        DIV("x"),
        DIV("<p class=\"a\" id='b'>x &amp; &lt;y&gt; &#160;&#xA0; &nbsp;</p><br/><hr />"),
        DIV("<table border=\"1\"><tr><td colspan=\"2\">1</td></tr></table>"),
        DIV("<a href=\"http://x?a=1&amp;b=2\" name=\"n\">x</a>"),
        DIV("<a href=\"#a&amp;b\">x</a><a href=\"x?a&#61;b\" title=\"&#65;\">x</a>"),
        DIV("<img src=\"data:image/png;base64,AAAA\" alt=\"\"/>"),
        DIV("<!-- a > b --><b>x</b>"),
        DIV("<pre xml:space=\"preserve\"><![CDATA[a < b]]></pre>"),
        " <div>x</div>\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(divs); i++) {
        struct narrative_finding finding = check(divs[i]);

        if (!finding.fine)
            fail_msg("%s: %s", divs[i], finding.problem);
        assert_null(finding.problem);
    }
}

static void active_content_and_broken_markup_are_refused(void **state)
{
    static const char *const divs[] = {
        DIV("<script>x</script>"),
        DIV("<p onclick=\"x\">x</p>"),
        DIV("<a href=\" JavaScript:x\">x</a>"),
        DIV("<a href=\"java&#115;cript:x\">x</a>"),
        DIV("<a href=\"&#x6A;avascript:x\">x</a>"),
        DIV("<a href=\"&#1;javascript:x\">x</a>"),
        DIV("<a href=\"java\tscript:x\">x</a>"),
        DIV("<a href=\"javascript&colon;x\">x</a>"),
        DIV("<img src=\"java\nscript:x\"/>x"),
        DIV("<form>x</form>"),
        DIV("<iframe src=\"x\"/>x"),
        DIV("<font>x</font>"),
        DIV("<p>x"),
        DIV("<p>x</b></p>"),
        DIV("a & b"),
        DIV("a < b"),
        DIV("<p class=a>x</p>"),
        DIV("<p class>x</p>"),
        DIV("<p class=\"<\">x</p>"),
        DIV("<p class=\"a&b\">x</p>"),
        DIV("<p class=\"a\"id=\"b\">x</p>"),
        DIV("<!-- x"),
        DIV("<!DOCTYPE x>x"),
        DIV("<?php x ?>x"),
        DIV("x") "x",
        "<div xmlns=\"http://x\">x</div>",
        "<p>x</p>",
        "x",
        "",
        "<div",
        "<div>x",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(divs); i++) {
        struct narrative_finding finding = check(divs[i]);

        if (finding.fine || finding.empty)
            fail_msg("%s passes", divs[i]);
        assert_non_null(finding.problem);
    }
}

static void what_shows_nothing_is_empty(void **state)
{
    static const char *const divs[] = {DIV(""), DIV(" \n\t "), DIV("<p> </p>"), "<div/>",
                                       DIV("<!-- x -->")};

    (void)state;
    for (size_t i = 0; i < COUNT(divs); i++) {
        struct narrative_finding finding = check(divs[i]);

        if (!finding.empty)
            fail_msg("%s is not empty: %s", divs[i], finding.problem);
        assert_false(finding.fine);
    }
}

static void nesting_is_bounded(void **state)
{
    struct buf div = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_add_text(&div, "<div>");
    assert_false(check(buf_text(&div)).fine);
    buf_release(&div);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_formatting_is_fine),
        cmocka_unit_test(active_content_and_broken_markup_are_refused),
        cmocka_unit_test(what_shows_nothing_is_empty),
        cmocka_unit_test(nesting_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
