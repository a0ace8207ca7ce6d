"""Single changes of messages: one part of what one operation is asked or answers, wrong in one way."""
