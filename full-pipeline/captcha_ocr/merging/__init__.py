"""Merging sets of labelled pictures into training and test roots, without leakage.

Read it in this order: ``config`` (what is asked), ``shards`` (read and hash a slice of a source),
``keys`` (when two pictures are the same), ``rules`` (which copy stays), ``near`` (almost the same),
``place`` (write a slice of the target), ``keytable`` (what is known of every picture, on disk),
``target`` and ``writing`` (the roots, whole or not at all), ``report`` and ``summary`` (what was
done), ``pipeline`` (all of it in order). ``engines`` decides where the slices are worked on.
"""
