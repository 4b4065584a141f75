"""SynID: a character learnt from words alone, by a model that teaches itself; one file a stage."""
