"""Reading a case: claims, drafts, first reads, reviews, adjudication, protocols, and the page of a case."""
