"""Campaigns: one mail to many recipients, when it is due.

`editing` and `transitions` are what staff do, `scheduler` starts a run, `audience` freezes its recipients, `throttle`
releases them in batches, `batches` sends a batch a handful at a time, `progress` reports.
"""
