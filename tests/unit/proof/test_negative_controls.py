"""A check that needs controls counts only if it fails on each broken variant and passes on the placebo."""

import pytest
from tests.unit.proof.workshop import Repo


pytestmark = pytest.mark.slow


APP = """
    def add(a, b):
        return a + b


    class Counter:
        def __init__(self):
            self.value = 0

        def up(self):
            self.value += 1
            return self.value
"""
TESTS = """
    import pytest
    from app.calc import Counter, add


    def test_good():
        assert add(2, 3) == 5


    def test_lazy():
        assert add(0, 0) == 0


    def test_counter():
        assert Counter().up() == 1


    @pytest.fixture
    def sum_of_two():
        return add(1, 1) + 0


    def test_by_fixture(sum_of_two):
        assert sum_of_two == 2
"""
VARIANTS = """
    def minus(a, b):
        return a - b


    def times(a, b):
        return a * b


    def explode(a, b):
        raise RuntimeError("boom")


    def still(self):
        return self.value
"""


@pytest.fixture
def repo(tmp_path):
    repo = Repo(tmp_path)
    repo.write("app/__init__.py", "from app.calc import add\n")
    repo.write("app/calc.py", APP)
    repo.write("tests/test_calc.py", TESTS)
    repo.write("tests/variants.py", VARIANTS)
    repo.plan("[x] T001 Add `add()` to `app/calc.py`", "[x] T002 Count")
    return repo


def controls_of(found, local="T001"):
    return {one.variant: one.outcome.value for one in found.judged[local].checks[0].evidence.controls}


def spec(repo, test, controls, items="{T001: unit}"):
    repo.spec(f"""
        checks:
          unit: {{pytest: "tests/test_calc.py::{test}"}}
        controls:
          unit: {controls}
        items: {items}
    """)


def test_a_test_that_bites_is_proof(repo):
    spec(
        repo,
        "test_good",
        '{variants: {minus: {swap: "app.calc:add", with: "tests/variants.py:minus"}}, gut: ["app.calc:add"]}',
    )

    found = repo.verify()

    assert found.verdict("T001") == "verified"
    assert controls_of(found) == {"placebo": "passed", "minus": "killed", "gutted app.calc:add": "killed"}
    assert all(one.seconds > 0 for one in found.judged["T001"].checks[0].evidence.controls)


def test_a_test_that_passes_on_a_broken_variant_is_vacuous(repo):
    spec(repo, "test_lazy", '{variants: {times: {swap: "app.calc:add", with: "tests/variants.py:times"}}}')

    found = repo.verify()

    assert found.verdict("T001") == "unproved_claim"
    assert found.reason("T001") == "vacuous: it passes on the broken variant times"


def test_a_method_can_be_swapped(repo):
    spec(
        repo,
        "test_counter",
        '{variants: {still: {swap: "app.calc:Counter.up", with: "tests/variants.py:still"}}}',
    )

    assert repo.verify().verdict("T001") == "verified"


def test_a_whole_file_can_be_gutted(repo):
    spec(repo, "test_counter", '{gut: ["app/calc.py:"]}')

    assert repo.verify().verdict("T001") == "verified"


@pytest.mark.parametrize(
    ("target", "variant", "words"),
    [
        ("app.calc:gone", "tests/variants.py:minus", "has no gone"),
        ("app.calc:add", "tests/variants.py:gone", "has no gone"),
        ("app.never:add", "tests/variants.py:minus", "never imported"),
    ],
)
def test_a_control_that_cannot_take_place_is_undecided_not_vacuous(repo, target, variant, words):
    spec(repo, "test_good", f'{{variants: {{odd: {{swap: "{target}", with: "{variant}"}}}}}}')

    found = repo.verify()

    assert found.verdict("T001") == "unproved_claim"
    assert found.reason("T001").startswith("undecided")
    assert words in found.reason("T001")


def test_a_variant_that_only_breaks_the_setup_is_undecided(repo):
    spec(
        repo,
        "test_by_fixture",
        '{variants: {boom: {swap: "app.calc:add", with: "tests/variants.py:explode"}}}',
    )

    assert repo.verify().reason("T001").startswith("undecided on the broken variant boom")


def test_an_item_that_needs_a_control_gets_one_that_guts_its_function(repo):
    repo.spec("""
        checks: {unit: {pytest: "tests/test_calc.py::test_good"}}
        items: {T001: {checks: unit, needs_control: true}}
    """)

    found = repo.verify()

    assert found.verdict("T001") == "verified"
    assert controls_of(found) == {"placebo": "passed", "gutted add": "killed"}


def test_where_nothing_can_be_gutted_it_says_so(repo):
    repo.spec("""
        checks: {unit: {pytest: "tests/test_calc.py::test_good"}}
        items: {T002: {checks: unit, needs_control: true}}
    """)

    assert repo.verify().reason("T002") == "needs a control that bites, and none is declared"


def test_controls_of_a_race_are_workloads(repo):
    class Result:
        failure = None

        def __init__(self, outcome):
            self.outcome = outcome
            self.certificate = {}

    outcomes = {
        "m:Good": "passed",
        "m:Bad": "failed",
        "m:Meek": "passed",
        "m:Lone": "inconclusive",
        "m:Ill": "failed",
    }

    def race(workload, **_options):
        return Result(outcomes[workload])

    def verdict(controls):
        repo.spec(f"""
            checks: {{race: {{race: "m:Good", backends: memory}}}}
            controls: {{race: {controls}}}
            items: {{T001: race}}
        """)
        found = repo.verify(race=race)
        return found.verdict("T001"), found.reason("T001")

    assert verdict("{variants: ['m:Bad']}") == ("verified", "")
    assert verdict("{variants: ['m:Meek']}")[1] == "vacuous: it passes on the broken variant Meek"
    assert verdict("{variants: ['m:Lone']}")[1].startswith("undecided on the broken variant Lone")
    assert verdict("{variants: ['m:Bad'], placebo: 'm:Ill'}")[1].startswith("undecided: the placebo fails")


def test_a_changed_variant_list_makes_the_evidence_stale(repo):
    spec(repo, "test_good", '{variants: {minus: {swap: "app.calc:add", with: "tests/variants.py:minus"}}}')
    repo.verify()
    spec(repo, "test_good", '{variants: {times: {swap: "app.calc:add", with: "tests/variants.py:times"}}}')

    assert repo.judge().reason("T001").startswith("stale-check: its entry")
    assert repo.verify().verdict("T001") == "verified"


def test_a_changed_variant_makes_the_evidence_stale(repo):
    spec(repo, "test_good", '{variants: {minus: {swap: "app.calc:add", with: "tests/variants.py:minus"}}}')
    repo.verify()
    repo.write("tests/variants.py", VARIANTS.replace("return a - b", "return a + b"))

    assert repo.judge().reason("T001") == "stale-check: minus in tests/variants.py changed"
    assert repo.verify().reason("T001").startswith("vacuous")
