"""Settings over a film's time, and the sound that they may follow."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("av", reason="films need the extra film")

import av

from fade import FadeSettings
from phosphene import objectives
from phosphene.errors import ImageError, SettingsError, UnknownNameError
from phosphene.films import sound, timeline
from phosphene.films.curves import Points
from phosphene.films.sound import Envelope
from phosphene.films.timeline import Timeline
from phosphene.recipes.fields import combined
from phosphene.recipes.settings import PRESETS, DreamSettings
from phosphene.recipes.settings import settings as choose
from phosphene.techniques import DREAM, PATTERN, STYLE, Technique

FADE = Technique("fade", "fades", FadeSettings, FadeSettings, "fade:Fades")
HZ = 44_100


def dreams(*, seconds=None, envelope=None, **wishes):
    return Timeline.of(DREAM, wishes, seconds=seconds, envelope=envelope)


def strength_at(over, *times):
    return [over.settings_at(time).strength for time in times]


# Numbers


def test_what_does_not_change_is_one_object():
    over = dreams(strength=0.5, preset="coils")
    assert over.fixed
    assert not over.needs_sound
    assert over.settings_at(0) is over.settings_at(7)
    assert over.settings_at(0) == choose(preset="coils", strength=0.5)


def test_a_number_is_eased_from_point_to_point():
    over = dreams(strength="0:0, 5:1, 12:0.3")
    assert not over.fixed
    assert strength_at(over, 0, 2.5, 5, 8.5, 12) == pytest.approx([0, 0.5, 1, 0.65, 0.3])
    assert over.settings_at(1.25).strength == pytest.approx(0.15625)  # 3/16 - 2/64
    assert over.settings_at(3).octaves == DreamSettings().octaves


def test_a_number_is_flat_before_the_first_point_and_after_the_last():
    over = dreams(strength=" 2 : 0.5 , 4:2")
    assert strength_at(over, 0, 1.9, 2, 4, 100) == [0.5, 0.5, 0.5, 2, 2]


@given(st.floats(0, 20))
def test_a_number_stays_between_its_points(time):
    (found,) = strength_at(dreams(strength="0:0.1, 3:0.7, 20:0.2"), time)
    assert 0.1 <= found <= 0.7


def test_whole_numbers_stay_whole():
    over = dreams(octaves="0:2, 4:6", seed="0:0, 9:9223372036854775807")
    assert [over.settings_at(time).octaves for time in (0, 1, 2, 3, 4)] == [2, 3, 4, 5, 6]
    assert all(type(over.settings_at(time).octaves) is int for time in np.linspace(0, 4, 9))
    assert over.settings_at(8.999999).seed <= 2**63 - 1
    assert over.settings_at(9).seed == 2**63 - 1


@pytest.mark.parametrize("technique", [DREAM, STYLE, PATTERN, FADE], ids=lambda each: each.name)
def test_every_number_of_every_technique_may_change(technique):
    needs = {"style": {"style": ("waves.jpg",)}, "pattern": {"of": "block8:3"}}.get(technique.name, {})
    for name, known in technique.fields.items():
        if known.kind in ("int", "float"):
            low = math.ceil(known.range[0])
            high = min(low + 1, known.range[1])
            over = Timeline.of(technique, {**({} if name == "channel" else needs), name: f"0:{low}, 2:{high}"})
            assert [getattr(over.settings_at(time), name) for time in (0, 2)] == [low, high], name


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"strength": "0:0, 5:200"}, "--strength is 200.0; it takes a number from 0 to 100."),
        ({"strength": "0:0, 5:1, 9:-1"}, "--strength is -1.0; it takes a number from 0 to 100."),
        ({"strength": "0:nan"}, "--strength is nan; it takes a number from 0 to 100."),
        ({"octaves": "0:1, 5:2.5"}, "--octaves is 2.5; it takes a whole number."),
        ({"octave_scale": "0:1.4, 5:1"}, "--octave-scale is 1.0; it takes a number from 1.05 to 8."),
        ({"strength": "0:0, 5"}, "--strength is '0:0, 5'; it takes points SECONDS:VALUE"),
        ({"strength": "0:, 5:1"}, "it takes points SECONDS:VALUE"),
        ({"strength": "0:0,"}, "it takes points SECONDS:VALUE"),
        ({"strength": "-1:0, 5:1"}, "it takes points SECONDS:VALUE"),
        ({"strength": "inf:1"}, "it takes points SECONDS:VALUE"),
        ({"strength": "0:much"}, "it takes points SECONDS:VALUE"),
        ({"strength": "5:1, 0:0"}, "0 s comes after 5 s. Write times in order."),
        ({"strength": "5:1, 5:0"}, "5 s comes after 5 s. Write times in order."),
        ({"strength": "loud:0.3"}, "or follows the sound, as loud:0.3..1.5 or beats:1..2."),
        ({"strength": "lout:0..1"}, "or follows the sound, as loud:0.3..1.5 or beats:1..2."),
        ({"strength": "beats:1..200"}, "--strength is 200.0; it takes a number from 0 to 100."),
        ({"octaves": "beats:0..3"}, "--octaves is 0; it takes a whole number from 1 to 32."),
        ({"strength": "many"}, "--strength is 'many'; it takes a number."),
    ],
)
def test_what_cannot_be_is_refused_before_any_frame(wishes, said):
    with pytest.raises(SettingsError) as refused:
        dreams(**wishes)
    assert said in str(refused.value)


def test_an_unknown_setting_is_refused_by_its_name():
    with pytest.raises(UnknownNameError, match=r"Unknown setting .strenght.\. Did you mean .strength."):
        dreams(strenght="0:1, 2:2")


def test_names_of_earlier_versions_are_read():
    over = Timeline.of(STYLE, {"filter": "woodcut", "stuff": "0:0, 4:2"})
    assert over.settings_at(2).semantics == 1


def test_what_a_network_must_check_is_at_hand():
    over = dreams(preset="0:coils, 8:reef", channel="0:3, 5:9999")
    assert [(each.layer, each.channel) for each in over.tried] == [("block6", 3), ("block6", 9999), ("block13", 3)]
    styles = Timeline.of(STYLE, {"style": ("0:waves.jpg, 8:night.jpg",)}).tried
    assert [each.style for each in styles] == [("waves.jpg", "night.jpg")]


# The sound as a driver


def test_a_number_follows_the_sound():
    ramp = Envelope(2, np.array([0, 0.5, 1.0]), np.array([1.0, 0, 0]))
    over = dreams(strength="loud:0.5..1.5", step_size="beats:3..1", octaves="loud:2..6", envelope=ramp)
    assert over.needs_sound
    assert not over.fixed
    assert strength_at(over, 0, 0.25, 0.5, 1, 9) == pytest.approx([0.5, 0.75, 1, 1.5, 0.5])
    assert [over.settings_at(time).step_size for time in (0, 0.25, 1)] == pytest.approx([1, 2, 3])
    assert [over.settings_at(time).octaves for time in (0, 0.5, 1)] == [2, 4, 6]


def test_whether_sound_is_needed_is_known_without_it():
    over = dreams(strength="beats:0..1")
    assert over.needs_sound
    assert over.to_record() == {"strength": "beats:0..1"}
    with pytest.raises(SettingsError, match="--strength follows the film's sound, which was not read"):
        over.settings_at(0)


# Looks


def test_looks_blend_into_each_other():
    over = dreams(preset="0:coils, 8:spots")
    assert over.settings_at(0) == choose(preset="coils")
    assert over.settings_at(8) == over.settings_at(20) == choose(preset="spots")
    middle = over.settings_at(4)
    assert middle.chroma == pytest.approx((0.4 + 0.5) / 2)
    assert set(weights_of(middle)) == {"block6", "block8"}


def test_looks_without_times_are_spread_over_the_film():
    over = dreams(preset="coils,spots, reef", seconds=20)
    assert [over.settings_at(time) for time in (0, 10, 20)] == [
        choose(preset=each) for each in ("coils", "spots", "reef")
    ]
    with pytest.raises(SettingsError, match='--preset "0:coils, 5:reef"'):
        dreams(preset="coils,reef")


def test_a_look_named_twice_is_held():
    over = dreams(preset="0:coils, 4:coils, 8:reef")
    assert over.settings_at(3) == choose(preset="coils")


def test_words_change_half_way():
    over = dreams(preset="0:carnival, 8:engraving")
    assert [over.settings_at(time).normalise for time in (3.9, 4.1)] == ["laplacian", "mean"]


def test_typed_settings_stand_whatever_the_look():
    over = dreams(preset="0:coils, 8:reef", steps=3, colour="0:1, 8:2")
    assert [(over.settings_at(time).steps, over.settings_at(time).colour) for time in (0, 4, 8)] == [
        (3, 1),
        (3, 1.5),
        (3, 2),
    ]
    layered = dreams(preset="0:coils, 8:reef", layer="block5")
    assert layered.settings_at(4).layer == "block5"


def test_a_channel_is_of_one_layer_at_a_time():
    over = dreams(preset="0:coils, 8:reef", channel=3)
    assert [over.settings_at(time).layer for time in (3.9, 4.1)] == ["block6", "block13"]


@given(st.sampled_from(sorted(PRESETS)), st.sampled_from(sorted(PRESETS)), st.floats(0, 10))
def test_every_blend_of_presets_is_possible(one, other, time):
    found = dreams(preset=f"0:{one}, 10:{other}").settings_at(time)
    objectives.parse(found.layer)
    for name in ("chroma", "strength", "step_size"):
        ends = [getattr(choose(preset=each), name) for each in (one, other)]
        assert min(ends) <= getattr(found, name) <= max(ends)


def weights_of(settings):
    return dict(objectives.weigh(each) for each in settings.layer.split(","))


def test_neither_layer_outweighs_the_other():
    weights = weights_of(dreams(preset="0:carnival, 8:neon").settings_at(4))
    pulls = {name: weight * timeline.PULLS[name] for name, weight in weights.items()}
    assert pulls["block11"] == pytest.approx(pulls["block1"], rel=1e-3)


def test_every_preset_has_a_pull():
    assert {each.changes["layer"] for each in PRESETS.values()} <= set(timeline.PULLS)


def test_layers_that_fade_keep_their_weights_among_themselves():
    faded = timeline.cross_fade("block5:0.5,block11", "block11", 0.5, {})
    weights = dict(objectives.weigh(each) for each in faded.split(","))
    assert weights["block5"] == pytest.approx(0.5 * 0.5 / math.hypot(0.5, 1), rel=1e-3)
    assert weights["block11"] == pytest.approx(0.5 * 1 / math.hypot(0.5, 1) + 0.5, rel=1e-3)


def test_guides_and_sums_fade_by_plain_weights():
    for more in ({"guide": ("flower.jpg",)}, {"maximise": "sum"}):
        weights = weights_of(dreams(preset="0:carnival, 8:neon", **more).settings_at(4))
        assert weights == {"block11": 0.5, "block1": 0.5}


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("0:coils, 8:eyes", UnknownNameError, "Unknown preset 'eyes'"),
        ("coils,,reef", SettingsError, "several are written as"),
        ("0:coils, reef", SettingsError, "several are written as"),
        ("8:coils, 0:reef", SettingsError, "0 s comes after 8 s"),
    ],
)
def test_looks_that_cannot_be_are_refused(text, error, said):
    with pytest.raises(error, match=said):
        dreams(preset=text, seconds=20)


def test_a_film_has_one_network():
    with pytest.raises(SettingsError, match=r"--recipe changes --model from .* a film is made with one network"):
        dreams(recipe="0:phosphene, 8:google2015")
    over = dreams(recipe="0:phosphene, 8:google2015", model="googlenet", layer="inception_4c/output")
    assert over.settings_at(4).octaves == 5


def test_a_nearer_list_of_looks_stands_in_place_of_what_it_chooses():
    for text in ("coils,reef", "0:coils, 8:reef"):
        left = combined(DreamSettings, {"layer": "block3", "jitter": 1, "feather": 2.0}, {"preset": text})
        assert left == {"feather": 2.0, "preset": text}


# Styles and filters


def test_filters_switch_and_their_numbers_blend():
    over = Timeline.of(STYLE, {"filter": "0:woodcut, 8:coloured_pencil"})
    ends = [over.settings_at(time) for time in (0, 8)]
    assert ends == [STYLE.choose(filter=each) for each in ("woodcut", "coloured_pencil")]
    assert [over.settings_at(time).filter for time in (3.9, 4.1)] == ["woodcut", "coloured_pencil"]
    assert over.settings_at(4).strength == pytest.approx((ends[0].strength + ends[1].strength) / 2)
    with pytest.raises(UnknownNameError, match="Unknown filter 'wodcut'"):
        Timeline.of(STYLE, {"filter": "0:wodcut, 8:coloured_pencil"})


def test_styles_fade_by_their_weights():
    over = Timeline.of(STYLE, {"style": ("0:waves.jpg, 8:night.jpg:2", "sea.jpg:0.5")})
    assert over.settings_at(0).style == ("waves.jpg", "sea.jpg:0.5")
    assert over.settings_at(4).style == ("waves.jpg:0.5", "night.jpg:1", "sea.jpg:0.5")
    assert over.settings_at(9).style == ("night.jpg:2", "sea.jpg:0.5")


def test_styles_without_times_are_as_ever():
    over = Timeline.of(STYLE, {"style": ("waves.jpg:2", r"C:\pictures\night.jpg")})
    assert over.fixed
    assert over.settings_at(0).style == ("waves.jpg:2", r"C:\pictures\night.jpg")


@pytest.mark.parametrize("word", ["0:waves.jpg, night.jpg", "0:, 4:night.jpg", "0:waves.jpg, 4:night.jpg:-1"])
def test_styles_that_cannot_be_are_refused(word):
    with pytest.raises(SettingsError):
        Timeline.of(STYLE, {"style": (word,)})


# Records


def test_a_record_holds_the_wishes_as_they_were_typed():
    wishes = {
        "preset": "coils,reef",
        "strength": "0:0, 5:1",
        "steps": 3,
        "guide": ["a/b/flower.jpg"],
        "mask": "m/sky.png",
    }
    over = Timeline.of(DREAM, wishes, seconds=12)
    kept = json.loads(json.dumps(over.to_record()))
    assert kept == {**wishes, "guide": ["flower.jpg"], "mask": "sky.png"}
    again = Timeline.of(DREAM, kept, seconds=12)
    assert again.settings_at(3).layer == over.settings_at(3).layer
    assert again.settings_at(3).strength == over.settings_at(3).strength
    assert again.to_record() == kept


def test_a_record_names_styles_without_their_folders():
    over = Timeline.of(STYLE, {"style": ("0:a/waves.jpg, 8:a/night.jpg:2", "b/sea.jpg"), "strength": 0.5})
    assert over.to_record() == {"style": ["0:waves.jpg, 8:night.jpg:2", "sea.jpg"], "strength": 0.5}


def test_points_need_no_film():
    assert Points((1,), ("a",)).around(5) == ("a", "a", 0)


# Sound


def written(path, samples, begin=0.0):
    """A file with this mono sound, -1..1, at 44.1 kHz."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le" if path.suffix == ".wav" else "aac", rate=HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = HZ, round(begin * HZ)
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=HZ, frame_size=stream.frame_size or 1024
        )
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def tone(seconds, level=0.1, frequency=440):
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * HZ)) / HZ)


def clicked(samples, times, level=0.8):
    """The sound with a short burst of noise at each of these times."""
    chance, samples = np.random.default_rng(1), samples.copy()
    for time in times:
        burst = chance.uniform(-1, 1, HZ // 100) * np.exp(-np.arange(HZ // 100) / 150)
        samples[round(time * HZ) :][: len(burst)] += level * burst[: len(samples) - round(time * HZ)]
    return np.clip(samples, -1, 1)


def beat_times(found):
    """When the beats of an envelope are: where it jumps."""
    return (np.flatnonzero(np.diff(found.beats) > 0.05) + 1) / found.rate


CLICKS = (0.5, 1.013, 1.49, 2.3, 2.607, 3.35)


@pytest.mark.parametrize("name", ["clicks.wav", "clicks.mp4"])
def test_beats_are_where_the_clicks_are(tmp_path, name):
    found = sound.envelope(written(tmp_path / name, clicked(tone(4), CLICKS)))
    times = beat_times(found)
    assert all(np.abs(times - click).min() < 0.03 for click in CLICKS)
    assert len(times) == len(CLICKS)
    assert found.at("beats", 1.0) < 0.1 < 0.7 < found.at("beats", times[1])


def test_a_bass_drum_under_a_chord_is_a_beat(tmp_path):
    times, drum = np.arange(0.3, 4.7, 0.5), np.arange(HZ // 4) / HZ
    samples = sum(tone(5, 0.05, frequency) for frequency in (220, 277, 330, 660))
    samples += np.random.default_rng(3).normal(0, 0.01, len(samples))
    for time in times:
        samples[round(time * HZ) :][: len(drum)] += 0.5 * np.sin(2 * np.pi * 60 * drum) * np.exp(-12 * drum)
    found = beat_times(sound.envelope(written(tmp_path / "drum.mp4", samples)))
    assert len(found) == len(times)
    assert np.abs(found - times).max() < 0.03


def test_a_beat_dies_away(tmp_path):
    found = sound.envelope(written(tmp_path / "click.wav", clicked(tone(2), [1])))
    (time,) = beat_times(found)
    assert found.at("beats", time) == 1
    assert found.at("beats", time + sound.DECAY) == pytest.approx(1 / math.e, rel=0.01)


@pytest.mark.parametrize("what", ["tone", "noise", "silence"])
def test_sound_without_beats_has_none(tmp_path, what):
    chance = np.random.default_rng(2)
    samples = {"tone": tone(3), "noise": chance.normal(0, 0.1, 3 * HZ), "silence": np.zeros(3 * HZ)}[what]
    found = sound.envelope(written(tmp_path / "even.wav", samples))
    assert len(beat_times(found)) == 0


def test_a_crescendo_rises(tmp_path):
    seconds = 4
    growing = tone(seconds, 1) * 10 ** np.linspace(-2, -0.05, seconds * HZ)
    found = sound.envelope(written(tmp_path / "crescendo.wav", growing))
    inside = found.loudness[2:-5]
    assert (np.diff(inside) >= -1e-6).all()
    assert inside[0] < 0.05
    assert inside[-1] > 0.95


def test_loudness_falls_slower_than_it_rises(tmp_path):
    found = sound.envelope(written(tmp_path / "burst.wav", np.concatenate([0.01 * tone(2), tone(1), 0.01 * tone(2)])))
    assert found.at("loudness", 1.9) < 0.1
    assert found.at("loudness", 2.1) > 0.9
    assert 0.5 < found.at("loudness", 3.1) < 0.9
    assert found.at("loudness", 4.5) < 0.1


def test_silence_is_0_and_an_even_tone_does_not_flicker(tmp_path):
    assert not sound.envelope(written(tmp_path / "silent.wav", np.zeros(HZ))).loudness.any()
    even = sound.envelope(written(tmp_path / "even.wav", tone(2))).loudness[2:-3]
    assert even.max() - even.min() < 0.05


@pytest.mark.parametrize("name", ["clicks.wav", "clicks.mp4"])
def test_a_part_is_that_part_of_the_whole(tmp_path, name):
    path = written(tmp_path / name, clicked(tone(4), CLICKS))
    part = sound.envelope(path, begin=0.9, end=2.0)
    times = beat_times(part) + 0.9
    assert len(times) == 2
    assert np.abs(times - (1.013, 1.49)).max() < 0.03
    assert len(part.loudness) == pytest.approx(1.1 * sound.RATE, abs=2)
    assert part.at("loudness", 1.5) == 0


def test_sound_that_begins_later_than_the_film_stays_where_it_is(tmp_path):
    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p")
        audio = container.add_stream("pcm_s16le", rate=HZ, layout="mono")
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
        samples = (clicked(tone(1), [0.5]) * 32767).astype(np.int16)
        late = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        late.sample_rate, late.pts = HZ, HZ  # after a second
        container.mux([*video.encode(None), *audio.encode(late), *audio.encode(None)])
    found = sound.envelope(path)
    assert not found.loudness[: round(0.9 * sound.RATE)].any()
    assert np.abs(beat_times(found) - 1.5).min() < 0.03


def test_a_film_without_sound_is_refused_in_words(tmp_path):
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p")
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        container.mux([*video.encode(frame), *video.encode(None)])
    with pytest.raises(SettingsError, match=r"mute.mp4 has no sound(.|\n)*--strength \"0:0, 5:1\""):
        sound.envelope(path)


def test_a_part_after_the_sound_is_refused_in_words(tmp_path):
    with pytest.raises(SettingsError, match="has no sound from 9 s on"):
        sound.envelope(written(tmp_path / "short.wav", tone(1)), begin=9)


def test_a_file_that_is_no_film_is_refused_in_words(tmp_path):
    (tmp_path / "words.mp4").write_text("no film at all")
    for name in ("words.mp4", "nowhere.mp4"):
        with pytest.raises(ImageError, match=f"The sound of .*{name} cannot be read"):
            sound.envelope(tmp_path / name)


def test_a_damaged_moment_of_sound_is_silent(tmp_path):
    path = written(tmp_path / "damaged.mp4", tone(3))
    found = bytearray(path.read_bytes())
    middle = found.index(b"mdat") + 4 + len(found) // 3
    found[middle : middle + 300] = bytes(255 - each for each in found[middle : middle + 300])
    path.write_bytes(found)
    assert len(sound.envelope(path).loudness) == pytest.approx(3 * sound.RATE, abs=3)


def test_the_window_that_sound_is_read_in_does_not_show(monkeypatch):
    samples = clicked(tone(2), [0.7]).astype(np.float32)[::2]
    whole = sound._measured([samples])
    pieces = sound._measured(np.split(samples, [1, 1000, 1001, 20_000]))
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_an_envelope_of_nothing_is_0():
    assert Envelope(50, np.empty(0), np.empty(0)).at("beats", 1) == 0
