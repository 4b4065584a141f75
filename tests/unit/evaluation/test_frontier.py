"""The frontier of strengths."""

from synid_engine.evaluation.frontier import STRENGTHS, FrontierPoint, draw_frontier, frontier_figures
from synid_engine.synid.request import RenderConfig

POINTS = [
    FrontierPoint(strength=0.0, same=30.0, followed=75.0),
    FrontierPoint(strength=1.0, same=67.0, followed=73.0),
    FrontierPoint(strength=2.0, same=80.0, followed=40.0),
]


def test_every_strength_is_told_and_the_default_is_named() -> None:
    figures = {one.name: one.value for one in frontier_figures(POINTS, default=1.0)}
    assert len(figures) == 2 * len(POINTS)
    assert figures["strength 1, the default: same character, face traits"] == 67
    assert figures["strength 2: expressions and scenes followed"] == 40


def test_default_strength_is_among_those_that_are_drawn() -> None:
    assert RenderConfig().identity_scale in STRENGTHS
    assert STRENGTHS[0] == 0


def test_default_stands_out_in_the_plot() -> None:
    plain, marked = draw_frontier(POINTS, default=9.0), draw_frontier(POINTS, default=1.0)
    colour = (226, 98, 74)
    assert colour not in {found for _, found in plain.getcolors(1 << 20) or []}
    assert colour in {found for _, found in marked.getcolors(1 << 20) or []}
