"""The doctor looks and changes nothing: it checks the invariants and says which row breaks which."""
