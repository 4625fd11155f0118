"""Campaigns: a mail to many, when it is due.

`desk` and `moves` are what staff do, `clock` starts a run, `audience` freezes whom it is for, `pace` lets them go in
batches, `mailing` takes a batch a handful at a time, `progress` tells.
"""
