/*
 * Configuration - shown: the values in force, --help, the page of the documentation.
 */

#include "base/buf.h"
#include "server/config.h"
#include "server/config_options.h"

#include <ctype.h>

static void print_value(const struct config *config, const struct option *option, struct buf *out);
static const char *placeholder(const struct option *option);

void config_print(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < option_count; i++) {
        buf_printf(out, "%-24s = ", options[i].name);
        print_value(config, &options[i], out);
        buf_printf(out, "   # %s\n", config->sources[i]);
    }
}

static void print_value(const struct config *config, const struct option *option, struct buf *out)
{
    const void *field = (const char *)config + option->offset;

    switch (option->type) {
    case OPTION_TEXT:
        buf_add_text(out, *(const char *const *)field);
        break;
    case OPTION_SECRET:
        buf_add_text(out, **(const char *const *)field ? "(set, not shown)" : "");
        break;
    case OPTION_FLAG:
        buf_add_text(out, *(const bool *)field ? "true" : "false");
        break;
    case OPTION_DURATION:
        buf_printf(out, "%lldms", (long long)*(const int64_t *)field);
        break;
    default:
        buf_printf(out, "%lld", (long long)*(const int64_t *)field);
    }
}

void config_print_help(struct buf *out)
{
    for (size_t i = 0; i < option_count; i++)
        buf_printf(out, "  --%s%s\n        %s%s%s%s\n", options[i].name, placeholder(&options[i]),
                   options[i].help, options[i].fallback[0] ? " Default: " : "", options[i].fallback,
                   options[i].fallback[0] ? "." : "");
}

static const char *placeholder(const struct option *option)
{
    static const char *const words[] = {
        [OPTION_TEXT] = " TEXT",     [OPTION_NUMBER] = " NUMBER", [OPTION_SIZE] = " SIZE",
        [OPTION_DURATION] = " TIME", [OPTION_FLAG] = "",          [OPTION_SECRET] = " TEXT",
    };
    return words[option->type];
}

void config_print_reference(struct buf *out)
{
    buf_add_text(out, "| option | environment | default | meaning |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < option_count; i++) {
        buf_printf(out, "| `%s` | `ISTHMUS_", options[i].name);
        for (const char *c = options[i].name; *c; c++)
            buf_add_char(out, *c == '-' ? '_' : (char)toupper((unsigned char)*c));
        buf_printf(out, "` | `%s` | %s |\n", options[i].fallback, options[i].help);
    }
}
