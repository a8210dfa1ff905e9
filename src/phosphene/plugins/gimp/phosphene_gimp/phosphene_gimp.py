#!/usr/bin/env python3
"""Phosphene in GIMP 3: Dream, Style and Guide for a layer, or for what is selected on it, as a new layer."""

import sys
import tempfile
import time
from pathlib import Path

import gi

gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")

sys.path.insert(0, str(Path(__file__).parent))

import client
from gi.repository import Gegl, Gimp, GimpUi, Gio, GLib, GObject

BEGIN = "phosphene-"
ABOUT = {
    "Dream": "Brings a neural network's patterns out of the layer",
    "Style": "Repaints the layer in the manner of a filter",
    "Guide": "Dreams shapes of a guide into the layer",
}
POLL = 0.1  # seconds between two looks at how far it is


class Phosphene(Gimp.PlugIn):
    """A procedure for each thing that can be done."""

    def do_query_procedures(self):
        """The names of the procedures."""
        return [BEGIN + kind.lower() for kind in ABOUT]

    def do_set_i18n(self, _):
        """Nothing is translated."""
        return False

    def do_create_procedure(self, name):
        """One of them, with what it asks for."""
        kind = name[len(BEGIN) :].capitalize()
        made = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, self.work, kind)
        made.set_image_types("RGB*, GRAY*")
        made.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        made.set_menu_label(f"{kind}…")
        made.add_menu_path("<Image>/Filters/Phosphene")
        made.set_documentation(ABOUT[kind], f"{ABOUT[kind]}. The result is a new layer.", name)
        made.set_attribution("Phosphene", "Phosphene", "2026")
        try:
            names = client.looks()[kind]
        except client.Failure:
            names = ["(Phosphene does not answer)"]
        choice = Gimp.Choice.new()
        for number, each in enumerate(names):
            choice.add(each, number, each, "")
        least, usual, most = client.STRENGTHS[kind]
        both = GObject.ParamFlags.READWRITE
        made.add_choice_argument("look", "_Look", "What comes of it", choice, names[0], both)
        made.add_double_argument("strength", "_Strength", "How far", least, most, usual, both)
        return made

    def work(self, procedure, mode, image, drawables, config, kind):
        """Asks, has it done, and adds the layer."""
        if mode == Gimp.RunMode.INTERACTIVE:
            GimpUi.init(procedure.get_name())
            dialog = GimpUi.ProcedureDialog.new(procedure, config, f"Phosphene: {kind}")
            dialog.fill(None)
            agreed = dialog.run()
            dialog.destroy()
            if not agreed:
                return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
        look, strength = config.get_property("look"), config.get_property("strength")
        try:
            made(image, drawables[0], kind, look, strength)
        except client.Failure as failure:
            told = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), str(failure), 0)
            return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, told)
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())


def pixels(drawable, form):
    """The pixels of a drawable, row by row, in a format of babl's."""
    buffer = drawable.get_buffer()
    whole = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    return bytes(buffer.get(whole, 1.0, form, Gegl.AbyssPolicy.CLAMP))


def made(image, layer, kind, look, strength):
    """Has the command done, and puts its picture above the layer, masked as the selection is."""
    Gegl.init(None)
    chosen = not Gimp.Selection.is_empty(image)
    width, height = layer.get_width(), layer.get_height()
    with tempfile.TemporaryDirectory(prefix="phosphene-") as name:
        folder = Path(name)
        client.write_png(folder / "in.png", width, height, 4, pixels(layer, "R'G'B'A u8"))
        if chosen:
            _, left, top = layer.get_offsets()
            buffer = image.get_selection().get_buffer()
            there = Gegl.Rectangle.new(left, top, width, height)
            grey = bytes(buffer.get(there, 1.0, "Y u8", Gegl.AbyssPolicy.NONE))
            client.write_png(folder / "mask.png", width, height, 1, grey)
        run = client.Run(client.words(kind, look, strength, folder))
        Gimp.progress_init(f"Phosphene: {look}")
        try:
            while not run.done:
                Gimp.progress_update(run.progress)
                time.sleep(POLL)
        finally:
            run.cancel()  # where GIMP ends this plug-in
        run.wait()
        if run.failure:
            raise client.Failure(run.failure)
        made = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(folder / "out.png")))
    _, left, top = layer.get_offsets()
    image.undo_group_start()
    made.set_name(f"{kind}: {look}")
    image.insert_layer(made, layer.get_parent(), image.get_item_position(layer))
    made.set_offsets(left, top)
    if chosen:
        made.add_mask(made.create_mask(Gimp.AddMaskType.SELECTION))
    image.undo_group_end()
    Gimp.displays_flush()


Gimp.main(Phosphene.__gtype__, sys.argv)
