"""A test that failed is asked once more; what it did then is told of it, and of no other."""

from xml.etree import ElementTree

import pytest

from tests import run

pytestmark = pytest.mark.unit

REPORT = """<testsuites><testsuite>
<testcase classname="tests.cases.test_a" name="one"/>
<testcase classname="tests.cases.test_a" name="two[&lt;&amp;&gt;]"><failure message="no"/></testcase>
<testcase classname="tests.cases.test_a" name="three"><error message="no"/></testcase>
<testcase classname="tests.cases.test_b" name="three"><skipped/></testcase>
</testsuite></testsuites>"""
AGAIN = """<testsuites><testsuite>
<testcase classname="tests.cases.test_a" name="two[&lt;&amp;&gt;]"/>
<testcase classname="tests.cases.test_a" name="three"><failure message="no"/></testcase>
</testsuite></testsuites>"""


def test_what_passes_at_the_second_try_is_named_and_what_fails_again_has_failed(tmp_path, capsys):
    report, second = tmp_path / "0.xml", tmp_path / "0.again"
    report.write_text(REPORT)
    second.write_text(AGAIN)
    run._take_over(report, second)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "At the second try, alone:",
        "  passed  tests/cases/test_a.py::two[<&>]",
        "  failed  tests/cases/test_a.py::three",
    ]
    assert dict(run._counted(report)) == {"passed": 2, "failed": 1, "skipped": 1}
    run._tell_failed([report])
    assert capsys.readouterr().out.split() == ["Failed:", "tests/cases/test_a.py::three"]


def test_a_second_try_that_told_nothing_changes_nothing(tmp_path):
    report = tmp_path / "0.xml"
    report.write_text(REPORT)
    run._take_over(report, tmp_path / "missing.again")
    assert ElementTree.parse(report).find(".//failure") is not None
    assert run._counted(report)["failed"] == 2


@pytest.mark.parametrize(
    ("failed", "is_whole", "may"),
    [(0, True, False), (1, True, True), (3, True, True), (4, True, False), (1, False, False)],
)
def test_only_few_failures_of_a_whole_run_are_tried_again(tmp_path, failed, is_whole, may):
    part = run.PARTS["portal"]
    whole = run.Run([part], [], tmp_path, is_whole)
    cases = '<testcase classname="a" name="b"><failure/></testcase>' * failed
    whole.report(part).write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    assert whole.may_try_again(part) is may
