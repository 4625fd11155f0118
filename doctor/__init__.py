"""The doctor checks the invariants of engine and shop and names the rows that break them. It only reads, except for
`doctor.repair`."""
