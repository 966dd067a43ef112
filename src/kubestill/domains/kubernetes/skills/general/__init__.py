"""The skill of short answers: facts of the API and of kubectl, sums, plain talk, and right-or-wrong questions."""
