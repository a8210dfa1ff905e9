import pytest
import torch

from phosphene.errors import SettingsError
from phosphene.pixels import sheets


def picture(value=1.0, height=64, width=64, dtype=torch.float32):
    return torch.full((1, 3, height, width), value, dtype=dtype)


@pytest.mark.parametrize("count", [1, 2, 5, 7, 16, 64])
@pytest.mark.parametrize("cell", [(64, 64), (40, 120), (120, 40)])
def test_every_picture_stands_in_its_place_and_none_overlap(count, cell):
    plan = sheets.layout(count, cell)
    page = sheets.sheet([(str(index), picture((index + 1) / 100, *cell)) for index in range(count)])
    assert page.shape[-2:] == plan.size
    for index in range(count):
        top, left = plan.corner(index)
        assert (page[..., top : top + cell[0], left : left + cell[1]] == torch.tensor((index + 1) / 100)).all()


@pytest.mark.parametrize("count", range(1, 70))
def test_a_sheet_is_nearly_square_and_its_last_row_is_not_empty(count):
    plan = sheets.layout(count, (100, 100))
    assert plan.columns * (plan.rows - 1) < count <= plan.columns * plan.rows
    if count > 12:
        height, width = plan.size
        assert 0.6 < width / height < 1.6


def test_columns_can_be_chosen():
    assert sheets.layout(6, (10, 10), columns=6).rows == 1
    with pytest.raises(SettingsError, match="one column or more"):
        sheets.layout(6, (10, 10), columns=0)


def test_a_label_is_drawn_below_its_picture_and_stays_within_its_cell():
    plan = sheets.layout(2, (64, 64), columns=2)
    blank = sheets.sheet([("", picture()), ("", picture())], columns=2)
    said = sheets.sheet([("inception_4c/output, a long name", picture()), ("", picture())], columns=2)
    drawn = (said - blank).abs().amax((0, 1)).nonzero()
    top, left = plan.corner(0)
    assert len(drawn) > 40
    assert drawn[:, 0].min() >= top + 64
    assert drawn[:, 0].max() < top + 64 + plan.line
    assert left <= drawn[:, 1].min()
    assert drawn[:, 1].max() < left + 64


def test_a_heading_takes_its_own_room():
    plain, headed = sheets.sheet([("a", picture())]), sheets.sheet([("a", picture())], heading="efficientnet")
    plan = sheets.layout(1, (64, 64), headed=True)
    assert headed.shape[-2:] == plan.size
    assert headed.shape[-2] > plain.shape[-2]
    assert (headed[..., : plan.head, :] > 0.5).any()


def test_what_is_to_come_is_dark_and_smaller_pictures_stand_in_the_middle():
    page = sheets.sheet([("a", picture()), ("b", None), ("c", picture(0.5, 32, 32))], columns=3)
    plan = sheets.layout(3, (64, 64), columns=3)
    top, left = plan.corner(1)
    assert (page[..., top : top + 64, left : left + 64] < 0.2).all()
    top, left = plan.corner(2)
    assert (page[..., top + 16 : top + 48, left + 16 : left + 48] == 0.5).all()
    assert (page[..., top : top + 16, left : left + 64] < 0.2).all()


def test_a_sheet_keeps_the_pictures_precision_and_needs_one():
    assert sheets.sheet([("a", picture(dtype=torch.float64))]).dtype == torch.float64
    for cells in ([], [("a", None)]):
        with pytest.raises(SettingsError, match="one picture or more"):
            sheets.sheet(cells)
