"""The world outside, behind a few verbs. A gateway raises nothing but Refused, TryAgain and Unknown."""
