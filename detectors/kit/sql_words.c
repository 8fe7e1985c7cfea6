/* sql_words.c - see sql_words.h. Sources: the manuals of MySQL, PostgreSQL, SQL Server, Oracle, DB2 and
 * SQLite for their catalogues, delays and error-based functions; OWASP cheat sheets (CWE-89, CWE-943).
 * A word of the Cosmos DB dialect must never stand here.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_words.h"

#include "detectors/kit/word_list.h"

struct foreign_word {
    const char *word, *next; /* next: NULL any, "(" a call, else the word behind */
    int score;
};

static const struct foreign_word foreign_words[] = {
    { .word = "union", .next = "select", .score = 90 }, { .word = "union", .next = "all", .score = 90 },
    { .word = "union", .next = "distinct", .score = 90 }, { .word = "union", .next = "(", .score = 80 },
    { .word = "union", .score = 40 },
    { .word = "intersect", .next = "select", .score = 85 }, { .word = "minus", .next = "select", .score = 85 },
    { .word = "drop", .next = "table", .score = 90 }, { .word = "drop", .next = "database", .score = 90 },
    { .word = "drop", .score = 30 }, { .word = "drop", .next = "user", .score = 85 },
    { .word = "delete", .next = "from", .score = 85 }, { .word = "insert", .next = "into", .score = 85 },
    { .word = "truncate", .next = "table", .score = 90 }, { .word = "alter", .next = "table", .score = 85 },
    { .word = "create", .next = "table", .score = 85 }, { .word = "create", .next = "user", .score = 85 },
    { .word = "create", .next = "function", .score = 85 }, { .word = "create", .next = "or", .score = 85 },
    { .word = "waitfor", .score = 85 }, { .word = "exec", .score = 65 }, { .word = "execute", .score = 65 },
    { .word = "declare", .score = 60 }, { .word = "shutdown", .score = 62 }, { .word = "having", .score = 62 },
    { .word = "procedure", .next = "analyse", .score = 85 }, { .word = "into", .next = "outfile", .score = 85 },
    { .word = "into", .next = "dumpfile", .score = 85 }, { .word = "load", .next = "data", .score = 85 },
    { .word = "limit", .next = "procedure", .score = 80 },
    { .word = "xp_cmdshell", .score = 90 }, { .word = "information_schema", .score = 90 },
    { .word = "sysobjects", .score = 90 }, { .word = "syscolumns", .score = 90 },
    { .word = "sysusers", .score = 90 }, { .word = "sysdatabases", .score = 90 },
    { .word = "syslogins", .score = 90 }, { .word = "sysibm", .score = 90 }, { .word = "syscat", .score = 85 },
    { .word = "sqlite_master", .score = 90 }, { .word = "sqlite_version", .score = 85 },
    { .word = "pg_catalog", .score = 90 }, { .word = "pg_user", .score = 90 }, { .word = "pg_shadow", .score = 90 },
    { .word = "pg_database", .score = 90 }, { .word = "pg_tables", .score = 90 },
    { .word = "all_tables", .score = 85 }, { .word = "all_users", .score = 85 },
    { .word = "user_tables", .score = 85 }, { .word = "user_tab_columns", .score = 85 },
    { .word = "all_tab_columns", .score = 85 }, { .word = "dba_users", .score = 90 },
    { .word = "dba_tables", .score = 90 }, { .word = "dual", .score = 45 }, { .word = "rownum", .score = 62 },
    { .word = "utl_inaddr", .score = 90 }, { .word = "utl_http", .score = 90 },
    { .word = "dbms_pipe", .score = 90 }, { .word = "dbms_lock", .score = 90 },
    { .word = "dbms_ldap", .score = 90 }, { .word = "dbms_xmlgen", .score = 90 },
    { .word = "sp_executesql", .score = 90 }, { .word = "sp_password", .score = 90 },
    { .word = "openrowset", .score = 90 }, { .word = "opendatasource", .score = 90 },
    { .word = "regexp", .score = 62 }, { .word = "rlike", .score = 65 }, { .word = "xor", .score = 52 },
    { .word = "sounds", .next = "like", .score = 62 }, { .word = "is", .next = "null", .score = 40 },
    { .word = "is", .next = "not", .score = 40 }, { .word = "ilike", .score = 40 },
    { .word = "glob", .score = 52 }, { .word = "div", .score = 40 },
    { .word = "collate", .score = 58 }, { .word = "mod", .score = 30 },
    { .word = "case", .next = "when", .score = 55 }, { .word = "all", .next = "(", .score = 20 },
};

static const char *const foreign_functions[] = {
    "sleep", "benchmark", "pg_sleep", "extractvalue", "updatexml", "load_file", "xmltype", "randomblob",
    "hex", "unhex", "char", "chr", "ascii", "ord", "mid", "substr", "version", "database", "schema", "user",
    "current_user", "session_user", "system_user", "group_concat", "string_agg", "concat_ws", "cast",
    "convert", "make_set", "elt", "md5", "sha1", "password", "if", "ifnull", "isnull", "nvl", "row_count",
    "found_rows", "last_insert_id", "db_name", "host_name", "is_srvrolemember", "has_dbaccess", "xmlparse",
    "sqlite_version", "load_extension", "query_to_xml", "table_to_xml", "dblink", "lo_import", "procedure",
    "wait", "delay", "get_host_address", "polygon", "multipoint", "linestring",
    "name_const", "json_keys", "col_length", "object_id", "user_id", "quotename",
};

static const char *const tool_marks[] = {
    "sqlmap", "nosqlmap", "acunetix", "netsparker", "invicti", "burpcollaborator", "oastify.com",
    "interact.sh", "interactsh", "appscan", "havij", "sqlninja", "bsqlbf", "jsql injection", "owasp zap",
    "zaproxy", "nikto", "w3af", "arachni", "wvs_test", "qualys", "nuclei", "nmap scripting engine",
    "fuzz faster u fool", "gobuster", "wfuzz", "commix", "xsser", "webinspect", "vega/", "skipfish",
};

static const char *const sensitive_parts[] = {
    "passw", "pwd", "secret", "token", "hash", "apikey", "api_key", "ssn", "taxid", "tax_id", "credit",
    "iban", "cvv", "cardno", "cardnum", "card_n", "salary", "private", "otp", "mfa", "pincode", "license",
    "passport", "internal",
};

static const char *const inference_functions[] = {
    "startswith", "endswith", "contains", "substring", "length", "regexmatch", "left", "right", "index_of",
    "stringequals", "array_length", "array_contains", "tostring", "lower", "upper", "ascii", "is_defined",
    "is_string", "is_number", "is_array", "is_object", "is_bool", "is_null", "is_primitive",
};

static bool contains_any(struct slice text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_find_nocase(text, slice_of(list[i])) != SIZE_MAX)
            return true;
    return false;
}

bool sql_is_foreign_function(struct slice name)
{
    return word_in_nocase(name, foreign_functions, ARRAY_LEN(foreign_functions));
}

int sql_foreign_score(struct slice name, struct slice next)
{
    int best = 0;

    for (size_t i = 0; i < ARRAY_LEN(foreign_words); i++) {
        const struct foreign_word *w = &foreign_words[i];

        if (w->score > best && word_is_nocase(name, w->word) &&
            (!w->next || word_is_nocase(next, w->next)))
            best = w->score;
    }
    if (best < 80 && slice_eq(next, SL("(")) && sql_is_foreign_function(name))
        best = 80;
    return best;
}

bool sql_has_tool_mark(struct slice text)
{
    return contains_any(text, tool_marks, ARRAY_LEN(tool_marks));
}

bool sql_is_sensitive_field(struct slice name)
{
    static const char *const about[] = { "algo", "algorithm", "type", "version", "date", "count", "expiry", "status" };

    for (size_t i = 0; i < ARRAY_LEN(about); i++)
        if (slice_ends_nocase(name, slice_of(about[i])))
            return false; /* hashAlgo, tokenType: about one */
    return contains_any(name, sensitive_parts, ARRAY_LEN(sensitive_parts));
}

bool sql_is_inference_function(struct slice name)
{
    return word_in_nocase(name, inference_functions, ARRAY_LEN(inference_functions));
}

bool sql_is_system_property(struct slice name)
{
    static const char *const system_properties[] = { "id", "_rid", "_self", "_etag", "_ts", "_attachments" };

    return word_in_nocase(name, system_properties, ARRAY_LEN(system_properties));
}
