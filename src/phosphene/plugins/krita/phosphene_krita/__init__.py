"""Phosphene in Krita: a docker that dreams upon a layer or a selection. It needs Krita 5."""

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

from .docker import PhospheneDocker

Krita.instance().addDockWidgetFactory(DockWidgetFactory("phosphene", DockWidgetFactoryBase.DockRight, PhospheneDocker))
