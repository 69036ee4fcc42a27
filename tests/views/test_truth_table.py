"""A report as tables: every figure once, settings down, measures across."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tb_visualscratchpad.views.truth_table import GROUPS, MEASURES, truth_headline, truth_tables
from tb_visualscratchpad.wire.truth_evidence import TruthFigure
from tests.random_evidence import random_truth_report


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_stands_once(seed: int) -> None:
    report = random_truth_report(seed)
    tables = truth_tables(report)
    shown = [figure for table in tables for row in table.rows for figure in row.figures if figure is not None]
    assert sorted(map(repr, shown)) == sorted(map(repr, report.figures))
    assert [table.title for table in tables] == [title for group, title in GROUPS.items() if any(one.measure.startswith(group) for one in report.figures)]
    for table in tables:
        assert all(len(row.figures) == len(table.columns) for row in table.rows)
    ranking = tables[1]
    assert ranking.columns == ("own first", "own in best 5")
    assert [row.name for row in ranking.rows] == ["C", "B", "C, layer 0"] and [row.is_default for row in ranking.rows] == [True, False, False]


def test_the_headline_is_c_beside_b() -> None:
    report = random_truth_report(5)
    headline = truth_headline(report)
    assert headline.weighted == report.figure("ranking.hit5", "C").value and headline.plain == report.figure("ranking.hit5", "B").value
    bare = replace(report, figures=report.figures[:3])
    assert truth_headline(bare).weighted is None and truth_headline(bare).plain is None


def test_a_measure_of_a_later_version_is_shown_under_its_own_name() -> None:
    report = replace(random_truth_report(0), figures=(TruthFigure("new.thing", "so", True, 1.0, None, None, 1, 1),))
    (table,) = truth_tables(report)
    assert table.title == "new" and table.columns == ("new.thing",) and table.rows[0].name == "so"


def test_a_difference_is_clear_where_its_interval_leaves_out_zero() -> None:
    figure = TruthFigure("ranking.hit5", "B", False, 0.5, 0.4, 0.6, 9, 4, -0.2, -0.3, -0.1)
    assert figure.differs and replace(figure, difference_low=0.1, difference_high=0.2).differs
    assert not replace(figure, difference_high=0.0).differs and not replace(figure, difference_low=None, difference_high=None).differs


def test_every_measure_belongs_to_a_group() -> None:
    assert {name.split(".")[0] for name in MEASURES} == set(GROUPS)
