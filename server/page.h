#pragma once

/*
 * Page - searchset and history Bundles, assembled from stored bytes (R4
 * bundle.html, http.html#paging).
 */

#include "server/request.h"

/* The name under which a next link carries the store's cursor. */
#define PAGE_PARAMETER "_page"

enum page_kind { PAGE_SEARCHSET, PAGE_HISTORY };

/*
 * Fills the answer with a Bundle of this page. `self` holds the parameters
 * that were really used, as they go into the self link; the next link
 * repeats them with the page's cursor in place of theirs. Findings in req->issues become an
 * OperationOutcome entry of a searchset.
 */
void page_answer(struct request *req, enum page_kind kind, const struct store_page *page,
                 struct text self);
