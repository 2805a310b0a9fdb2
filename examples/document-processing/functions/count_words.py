"""Counts the words of a document and finds the one that occurs most often."""
import collections
import re

from lambda_runtime import serve


class UnreadableDocument(Exception):
    """The document has no text."""


def count_words(document):
    if document["text"] is None:
        raise UnreadableDocument(f"{document['name']} is not UTF-8")
    words = re.findall(r"[^\W\d_]+", document["text"].lower())
    # Short words say little; of words that occur equally often, the first in the alphabet counts.
    long_words = collections.Counter(word for word in words if len(word) > 4)
    most_frequent = min(long_words, key=lambda word: (-long_words[word], word), default=None)
    return {"words": len(words), "most_frequent": most_frequent}


serve(count_words)
