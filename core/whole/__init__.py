"""Questions about whole documents: summaries, outlines, all of something, comparisons, what there
is.

A document is read through in the engine's background lane, part by part, where there is a model
that can; else its own words are put together. `Whole` is the front.
"""
