"""The scientist's face: canvases in Benchling."""
