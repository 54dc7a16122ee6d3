#pragma once

/*
 * Attachments - what documents say of the Binary resources that they show: size and hash
 * (Attachment.size, Attachment.hash). Noted while documents are applied, and compared when the
 * Binary comes. It is kept in memory: after a restart what comes is not compared.
 */

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct node;

struct attachments {
    struct attachment *slots; /* by hash of the id */
    size_t count, room;
};

void attachments_release(struct attachments *attachments);

/* The Attachment `node` shows the Binary of this id at the partner. */
void attachments_note(struct attachments *attachments, const struct node *node, struct text id);

/* How many bytes the data of a Binary stand for. */
size_t attachments_size(struct text json, struct arena *arena);

/* A Binary has come as JSON: NULL when it is what was said of it, or nothing was; else the rule
 * that it is against. */
const char *attachments_refuse(const struct attachments *attachments, struct text id,
                               struct text json, struct arena *arena);
