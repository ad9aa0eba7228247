"""Segments: named groups of customers by nested conditions (`definition`), over what can be asked (`askable`), as a question
to the lake (`compiled`) and in plain words (`reading`); kept by verbs (`services`), with who came and who went (`changes`)."""
