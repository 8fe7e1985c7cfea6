/* mongo_score.c - see mongo_score.h. Sources: OWASP testing guide, "NoSQL injection"; MongoDB query operators
 * (manual, read 2026); CWE-943.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/mongo_score.h"

#include "detectors/kit/word_list.h"

static bool contains_any(struct slice text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_find_nocase(text, slice_of(list[i])) != SIZE_MAX)
            return true;
    return false;
}

#define CONTAINS_ANY(s, ...)                                                                                 \
    contains_any(s, (const char *const[]) { __VA_ARGS__ },                                                   \
                 sizeof((const char *const[]) { __VA_ARGS__ }) / sizeof(const char *))
/* ---- fields -------------------------------------------------------------------------------------- */

/* tokenExpiresAt, passwordChanged, lastLogin, loginCount: about a secret, not one. accountId and lastName are
 * not about. */
static bool is_about(struct slice field)
{
    bool counts =
        CONTAINS_ANY(field, "count") && !CONTAINS_ANY(field, "account", "country", "county", "discount");
    bool is_last = CONTAINS_ANY(field, "last") && !CONTAINS_ANY(field, "lastname", "last_name");

    bool is_day = CONTAINS_ANY(field, "date") && !CONTAINS_ANY(field, "candidate");

    if (slice_ends_nocase(field, SL("by")))
        return false; /* createdBy is somebody */
    return counts || is_last || is_day ||
           CONTAINS_ANY(field, "expir", "time", "until", "chang", "updat", "created", "creation", "create_",
                        "createa", "attempt", "type", "reset_at", "issued", "revoked", "used", "version",
                        "length", "required", "enabled", "status") ||
           slice_ends_nocase(field, SL("_at")) ||
           (field.len > 2 && slice_eq(slice_make(field.at + field.len - 2, 2), SL("At")));
}

static bool is_password(struct slice field)
{
    return CONTAINS_ANY(field, "passw", "passwd", "pwd", "passphrase", "passcode", "secret", "pincode",
                        "pinhash", "pin_hash", "otp") ||
           WORD_IN_NOCASE(field, "pass", "pin", "pw", "passe", "clave", "senha", "contrasena", "kennwort",
                          "motdepasse", "wachtwoord", "haslo");
}

bool mongo_is_secret(struct slice field)
{
    return !is_about(field) && (is_password(field) ||
                                CONTAINS_ANY(field, "token", "apikey", "api_key", "accesskey", "privatekey",
                                             "sessionid", "session_id", "resetcode", "securitycode", "cvv"));
}

/* Who somebody is: there in every document, compared with one value. */
static bool is_login(struct slice field)
{
    return !is_about(field) &&
           (WORD_IN_NOCASE(field, "user", "login", "email", "mail", "uid", "account", "nick", "handle", "usr",
                           "benutzer", "usuario", "identifier", "e_mail", "emailaddress", "accountname",
                           "screenname", "userid", "user_id") ||
            CONTAINS_ANY(field, "username", "user_name", "userlogin", "loginname", "useremail"));
}

/* States and kinds: people exclude some of them every day. */
static bool is_state(struct slice field)
{
    return CONTAINS_ANY(field, "status", "state", "type", "kind", "role", "flag", "delet", "archiv", "hidden",
                        "visib", "stage", "phase", "level", "active", "enabled", "disabled", "scope",
                        "permission", "group", "mode", "priority", "verified", "is_", "version");
}

/* trackingNumber, insurance_no, code: text that one document of its kind is found by. */
static bool is_reference(struct slice field)
{
    static const char *const ends[] = { "number", "_no", "_nr", "code", "reference", "_ref" };
    struct slice two = field.len > 3 ? slice_make(field.at + field.len - 2, 2) : slice_make(NULL, 0);

    if (WORD_IN_NOCASE(field, "key", "licensekey", "license_key", "plate", "licenseplate", "license_plate",
                       "vin", "iban", "pnr", "ssn", "imei", "passport"))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (slice_ends_nocase(field, slice_of(ends[i])))
            return !is_about(field) &&
                   !CONTAINS_ANY(field, "error", "status", "version", "exit", "phone", "zip", "postal");
    return two.at && (slice_eq(two, SL("No")) || slice_eq(two, SL("Nr")));
}

/* What documents are picked by, one value at a time, and what all of a kind have: nobody asks whether it is
 * there. */
static bool is_selector(struct slice field)
{
    return is_reference(field) ||
           (!is_about(field) &&
            WORD_IN_NOCASE(field, "category", "categories", "brand", "owner", "author", "creator", "city",
                           "town", "country", "region", "area", "district", "province", "department", "dept",
                           "division", "section", "company", "organisation", "organization", "tenant", "team",
                           "club", "branch", "store", "shop", "warehouse", "vendor", "supplier",
                           "manufacturer", "customer", "client", "product", "item", "sku", "barcode", "isbn",
                           "plate", "genre", "subject", "topic", "course", "language", "lang", "currency",
                           "slug", "plan", "tier", "model", "make", "color", "colour", "material", "gender",
                           "sender", "recipient", "assignee", "advisor", "analyst", "doctor", "driver",
                           "teacher", "coupon", "room", "site", "zone", "channel", "project", "board",
                           "skill", "order", "firstname", "lastname", "first_name", "last_name", "surname",
                           "fullname", "full_name"));
}

/* Of those, what is always text: nobody excludes a number. */
static bool is_text_selector(struct slice field)
{
    return is_reference(field) ||
           WORD_IN_NOCASE(field, "slug", "author", "owner", "category", "brand", "city", "country", "company",
                          "genre", "customer", "sku", "isbn", "sender", "recipient", "assignee", "vendor",
                          "supplier", "firstname", "lastname", "surname");
}

static bool is_id(struct slice field)
{
    return WORD_IN_NOCASE(field, "_id", "id") || slice_ends_nocase(field, SL("_id")) ||
           slice_ends_nocase(field, SL("ids")) ||
           (field.len > 2 && slice_eq(slice_make(field.at + field.len - 2, 2), SL("Id")));
}

bool mongo_holds_people(struct slice c)
{
    return mongo_is_secret(c) || CONTAINS_ANY(c, "user", "account", "credential", "admin", "login", "member",
                                              "staff", "employee", "session", "apikey", "api_key");
}

bool mongo_holds_happenings(struct slice c)
{
    return CONTAINS_ANY(c, "audit", "event", "activit", "history", "metric", "telemetr", "pageview") ||
           WORD_IN_NOCASE(c, "log", "logs", "visits", "requests", "clicks", "views", "errors", "traces") ||
           slice_ends_nocase(c, SL("_log")) || slice_ends_nocase(c, SL("_logs")) ||
           slice_ends_nocase(c, SL("requestlogs")) || slice_ends_nocase(c, SL("errorlogs"));
}

bool mongo_is_people(struct slice c)
{
    return WORD_IN_NOCASE(c, "user", "users", "account", "accounts", "admin", "admins", "administrators",
                          "member", "members", "staff", "employees", "credentials", "logins", "sessions",
                          "tokens", "apikeys", "api_keys", "passwords", "secrets");
}

/* ---- values -------------------------------------------------------------------------------------- */

bool mongo_is_guessed_name(struct slice text)
{
    return WORD_IN_NOCASE(text, "admin", "root", "administrator", "administrador", "superuser", "superadmin",
                          "sysadmin", "sa", "user", "test", "guest", "operator", "webmaster", "support",
                          "demo", "master", "manager", "123456", "password", "12345678", "qwerty", "letmein");
}

/* What is put where nothing may match: toto, foo, xyz, a letter, a number. */
bool mongo_is_placeholder(struct slice text)
{
    bool digits = text.len > 0, same = text.len > 0;

    for (size_t i = 0; i < text.len; i++) {
        digits = digits && text.at[i] >= '0' && text.at[i] <= '9';
        same = same && text.at[i] == text.at[0];
    }
    return text.len <= 1 || (digits && text.len <= 4) || (same && text.len <= 6) ||
           WORD_IN_NOCASE(text, "toto", "titi", "tata", "foo", "bar", "baz", "foobar", "test", "testing",
                          "xyz", "xxx", "abc", "abcd", "asd", "asdf", "asdfgh", "qwe", "qwerty", "dummy",
                          "blah", "bla", "null", "undefined", "none", "nan", "invalid", "wrong", "nope", "no",
                          "anything", "nothing", "notexist", "notexists", "doesnotexist", "nonexistent",
                          "nonexisting", "random", "whatever", "fake", "junk", "nobody", "noone", "admin",
                          "password", "pass", "pwd", "user", "username", "x1", "zz", "zzz", "hack", "hacker",
                          "pwned", "inject", "injection", "1234");
}

bool mongo_is_hostile_code(struct slice text)
{
    return CONTAINS_ANY(text, "sleep(", "while(", "while (", "1==1", "1 == 1", "'1'=='1", "\"1\"==\"1",
                        "'a'=='a", "tojson", "this.passw", "this.pwd", "this.constructor", "process.",
                        "require(", "eval(", "db.", "charAt", "charCodeAt", ".match(/^", "substring(",
                        "Object.keys(this", "throw ", "//'", "JSON.stringify(this", "print(", "/.*/", "/.+/",
                        "/./", "\\u0000");
}

/* a|e|i|o|u: one of them is in every word. */
static bool is_any_of_letters(struct slice p)
{
    for (size_t i = 1; i < p.len; i += 2)
        if (p.at[i] != '|')
            return false;
    return p.len >= 4; /* a|e| too: nothing is in every word */
}

#define SHORT_CLASS 4u /* letters in brackets */

/* A pattern that (nearly) everything matches, or one that asks for a length. */
static bool matches_anything(struct slice p)
{
    bool has_dot = false;
    size_t letters = 0;

    if (slice_starts(p, SL("(?i)")) || slice_starts(p, SL("(?s)")))
        p = slice_make(p.at + 4, p.len - 4);
    if (p.len == 0 || p.len > 24)
        return p.len == 0;
    if (is_any_of_letters(p))
        return true;
    for (size_t i = 0; i < p.len; i++) {
        char c = p.at[i];

        if (c == '{') { /* .{3,8} */
            while (i < p.len && p.at[i] != '}')
                i++;
            continue;
        }
        if (c == '[') { /* [a-z], [\s\S]; [AB] are two letters */
            size_t from = i;

            while (i < p.len && p.at[i] != ']')
                i++;
            struct slice inside = slice_make(p.at + from + 1, i - from - 1);

            letters += inside.len > 0 && inside.len < SHORT_CLASS && inside.at[0] != '^' &&
                       slice_find(inside, SL("-")) == SIZE_MAX && slice_find(inside, SL("\\")) == SIZE_MAX;
            has_dot = true;
            continue;
        }
        if (c == '\\' && i + 1 < p.len) { /* \w; \/ is a letter like others */
            i += p.at[i + 1] == '\\' ? 2 : 1;
            letters += i < p.len && strchr("./-+*?()[]{}|^$@ ", p.at[i]) != NULL && p.at[i] != '\0';
            has_dot = true;
            continue;
        }
        has_dot |= c == '.';
        letters += c == '\0' || !strchr(".*+?^$()|", c);
    }
    return letters == 0 && (has_dot || p.len <= 2);
}

static bool has_length(struct slice p)
{
    return slice_find(p, SL("{")) != SIZE_MAX;
}

/* ^a, ^ad: a first letter or two. */
static bool is_prefix_guess(struct slice p)
{
    if (p.len < 2 || p.len > 3 || p.at[0] != '^')
        return false;
    for (size_t i = 1; i < p.len; i++)
        if (!((p.at[i] >= 'a' && p.at[i] <= 'z') || (p.at[i] >= '0' && p.at[i] <= '9')))
            return false;
    return true;
}

/* ---- operators ----------------------------------------------------------------------------------- */

#define BESIDE_SECRET 66
#define BESIDE_HISTORY 30 /* everyday, but not of a client that always compared the field with one value */
#define SCORE(r, s) ((struct mongo_score) { .rule = (r), .score = (s) })

/* A key that is one: not a list of keys. */
static bool is_key_name(struct slice field)
{
    return is_id(field) && !slice_ends_nocase(field, SL("ids"));
}

/* ^kim$ */
static bool is_whole_value(struct slice p)
{
    return p.len > 2 && p.at[0] == '^' && p.at[p.len - 1] == '$';
}

static struct mongo_score score_pattern(const struct mongo_question *q)
{
    struct slice p = q->value.text;
    bool is_guess = !q->ignores_case && (is_prefix_guess(p) || (p.len > 1 && p.len <= 12 && p.at[0] == '^') ||
                                         (matches_anything(p) && has_length(p)));
    struct mongo_score s = { .rule = Q_PATTERN_ANY };

    if (q->value.kind == MONGO_OBJECT || q->value.kind == MONGO_EMPTY_OBJECT)
        return SCORE(Q_OPERATOR_IN_PATTERN, 88);
    if (q->value.kind != MONGO_TEXT)
        return SCORE(Q_NONE, 0);
    if (mongo_is_secret(q->field)) {
        s.rule = matches_anything(p) && !has_length(p) ? Q_PATTERN_ANY : Q_PATTERN_GUESS;
        s.score = 88;
    } else if (matches_anything(p)) {
        bool is_whole = p.len > 1 && p.at[0] == '^' && p.at[p.len - 1] == '$';
        bool empty_search = q->ignores_case || (q->has_limit && !q->picks_one && !is_whole); /* a search box without text */

        s.score =
            is_login(q->field)                                                  ? 80
            : is_key_name(q->field) || (q->picks_one && is_reference(q->field)) ? 68
            : !q->ignores_case && is_selector(q->field) && WORD_IN(p, ".*", ".+", "^", "^.*", "^.*$", ".")
                ? 64
            : has_length(p) ? 74
            : empty_search  ? 45
                            : 66;
    } else if (is_prefix_guess(p)) {
        bool is_searched = CONTAINS_ANY(q->field, "name", "title", "text", "search", "keyword", "city", "tag",
                                        "label", "slug", "code");

        s.rule = Q_PATTERN_GUESS;
        s.score =
            q->ignores_case || is_searched || q->has_limit
                ? (is_login(q->field) || is_key_name(q->field) || q->picks_one) && !q->ignores_case ? 64 : 30
                : 62;
    } else if (is_guess) {
        s.rule = Q_PATTERN_GUESS;
        s.score = 20;
    }
    if (s.score < 20 && is_login(q->field) && !is_whole_value(p))
        s = SCORE(Q_PATTERN_GUESS, 20); /* counts beside a secret: who signs in gives all of the name */
    s.is_guess = is_guess;
    return s;
}

/* One document, looked up by its key alone, whatever the key. */
static bool is_lone_key(const struct mongo_question *q)
{
    return q->picks_one && is_key_name(q->field) && !q->beside_value && !q->is_search &&
           !is_about(q->field) && !is_state(q->field);
}

/* Other conditions excuse a question for what is there, but not where one document is looked up by its
 * number. */
static bool is_excused(const struct mongo_question *q)
{
    return (q->beside_value || q->is_search) && !q->beside_secret &&
           !(q->picks_one && is_reference(q->field));
}

/* walletId and nothing else decides which documents; an _id often does so in jobs that go through all. */
static bool is_only_key(const struct mongo_question *q)
{
    return q->is_only && is_key_name(q->field) &&
           !WORD_IN_NOCASE(q->field, "_id", "id", "parentid", "parent_id");
}

#define TOKEN_MIN 16u /* of a real one; what stands for nothing is shorter */

/* {"user": "u1", "token": {"$ne": "<this one>"}}: sign out everywhere else. */
static bool is_other_session(const struct mongo_question *q)
{
    return q->value.kind == MONGO_TEXT && q->value.text.len >= TOKEN_MIN && q->beside_value && !q->beside_secret &&
           !q->picks_one && !is_password(q->field);
}

/* Many documents that have a mail address: whom to write to. */
static bool is_mailbox(const struct mongo_question *q)
{
    return !q->picks_one && CONTAINS_ANY(q->field, "mail");
}

/* {"category": "shoes", "image": {"$ne": ""}}: of those the ones with a picture. Nothing is found by what describes it. */
static bool is_filled_beside(const struct mongo_question *q)
{
    return is_excused(q) && !q->picks_one && !is_selector(q->field) && !is_key_name(q->field) &&
           CONTAINS_ANY(q->field, "image", "photo", "picture", "avatar", "icon", "logo", "thumb", "cover", "video", "url",
                        "link", "website", "phone", "mobile", "address", "description", "summary", "caption", "comment",
                        "note", "text", "body", "bio");
}

/* totpSecret, mfa_secret, pushToken: a code is worked out from it, or a message sent there; nobody types it. Many that have
 * one: who uses it. */
static bool is_seed_of_many(const struct mongo_question *q)
{
    return !q->picks_one && !q->beside_secret &&
           CONTAINS_ANY(q->field, "totp", "mfa", "2fa", "twofa", "twofactor", "two_factor", "secondfactor", "push", "fcm",
                        "apns", "devicetoken", "device_token", "registrationtoken");
}

static struct mongo_score score_not_equal(const struct mongo_question *q)
{
    const struct mongo_value *v = &q->value;
    bool is_secret = mongo_is_secret(q->field), is_who = is_login(q->field);

    if (v->kind == MONGO_TRUE || v->kind == MONGO_FALSE) {
        bool is_text = is_who || is_selector(q->field) || is_id(q->field) || is_secret;

        return SCORE(Q_SECRET_OPERATOR, is_password(q->field) && !is_about(q->field) ? 80
                                        : is_text && !is_state(q->field)             ? 64
                                                                                     : 0);
    }
    if (is_secret && (is_other_session(q) || (v->kind == MONGO_NULL && is_seed_of_many(q))))
        return SCORE(Q_SECRET_OPERATOR, 50);
    if (is_secret)
        return SCORE(Q_SECRET_OPERATOR, v->kind != MONGO_NULL || is_password(q->field) ? 90
                                        : q->picks_one || q->is_only                   ? 62
                                                                                       : 50); /* whom to notify */
    if (v->kind == MONGO_NULL && !is_who && is_selector(q->field))
        return SCORE(Q_ALWAYS_OPERATOR, is_excused(q) ? 55 : 63);
    if (v->kind == MONGO_NULL)
        return SCORE(is_who ? Q_SECRET_OPERATOR : Q_ALWAYS_OPERATOR,
                     is_who && (is_mailbox(q) || q->is_of_a_log) ? 40
                     : is_who                                   ? 66
                     : is_lone_key(q)                           ? 63
                     : is_about(q->field) || is_state(q->field) ? 15
                     : is_id(q->field)                          ? BESIDE_HISTORY
                                                                : 50);
    if (v->kind == MONGO_EMPTY_OBJECT || v->kind == MONGO_EMPTY_LIST)
        return SCORE(Q_ALWAYS_OPERATOR,
                     v->kind == MONGO_EMPTY_OBJECT || is_who || is_selector(q->field) || is_key_name(q->field)
                         ? 62
                     : q->beside_secret && !is_about(q->field) && !is_state(q->field) ? BESIDE_HISTORY
                                                                                      : 15);
    if (v->kind == MONGO_TEXT && mongo_is_placeholder(v->text))
        return SCORE(is_who ? Q_SECRET_OPERATOR : Q_ALWAYS_OPERATOR,
                     is_who && v->text.len == 0 && is_mailbox(q) ? 62 /* becomes usual */
                     : is_who                                   ? 84
                     : is_state(q->field) || is_about(q->field) ? 25
                     : v->text.len == 0                         ? is_filled_beside(q) ? 45 : 64
                                                                : 68);
    if (v->kind == MONGO_TEXT)
        return SCORE(is_who ? Q_SECRET_OPERATOR : Q_WIDE_OPERATOR, is_who               ? 40
                                                                   : is_state(q->field) ? 12
                                                                   : is_only_key(q)     ? BESIDE_HISTORY
                                                                                        : 25);
    if (v->kind == MONGO_NUMBER)
        return SCORE(is_who ? Q_SECRET_OPERATOR : Q_WIDE_OPERATOR,
                     is_who ? 70
                     : v->text.len <= 1 && (is_only_key(q) || (is_text_selector(q->field) && !is_excused(q)))
                         ? 63
                     : q->beside_secret && !is_about(q->field) && !is_state(q->field) ? BESIDE_HISTORY
                                                                                      : 15);
    return SCORE(Q_WIDE_OPERATOR, 0);
}

/* 0000, zzzzzz, ~~~: before or behind whatever there is. */
static bool is_all_of(struct slice text, const char *letters)
{
    for (size_t i = 1; i < text.len; i++)
        if (text.at[i] != text.at[0])
            return false;
    return text.len > 0 && text.len <= 32 && text.at[0] != '\0' && strchr(letters, text.at[0]);
}

static struct mongo_score score_bound(const struct mongo_question *q, bool is_lower)
{
    const struct mongo_value *v = &q->value;
    bool is_who = is_login(q->field);

    if (mongo_is_secret(q->field) && v->kind != MONGO_OTHER)
        return SCORE(Q_SECRET_OPERATOR, 90);
    if (is_lower && v->kind == MONGO_TEXT && v->text.len == 0)
        return SCORE(is_who ? Q_SECRET_OPERATOR : Q_ALWAYS_OPERATOR,
                     is_who                                      ? 90
                     : is_about(q->field) && !is_state(q->field) ? 45
                                                                 : 74);
    if (v->kind == MONGO_NULL || v->kind == MONGO_EMPTY_OBJECT || v->kind == MONGO_EMPTY_LIST)
        return SCORE(Q_ALWAYS_OPERATOR, is_about(q->field) ? 30 : 72);
    if (is_lower && v->kind == MONGO_TEXT && v->text.len == 1)
        return SCORE(is_who ? Q_SECRET_OPERATOR : Q_ALWAYS_OPERATOR, is_who ? 80
                                                                     : v->text.at[0] < '0'
                                                                         ? 66
                                                                         : 45); /* "!" comes before all */
    if (is_lower && v->kind == MONGO_TEXT && v->text.len >= 4 && is_all_of(v->text, "0") &&
        !WORD_IN_NOCASE(q->field, "_id", "id") && !is_about(q->field)) /* (all of a collection is paged through by _id) */
        return SCORE(Q_ALWAYS_OPERATOR, 64);
    if (!is_lower && v->kind == MONGO_TEXT && v->text.len > 0 &&
        (is_all_of(v->text, "z~") || (v->text.len <= 4 && (v->text.at[0] == '~' || v->text.at[0] == 'z'))))
        return SCORE(Q_ALWAYS_OPERATOR, is_who ? 84 : 66);
    if (is_lower && v->kind == MONGO_NUMBER && v->text.len <= 1 && !q->is_used_again &&
        (is_reference(q->field) || is_lone_key(q)))
        return SCORE(Q_ALWAYS_OPERATOR, q->picks_one && !q->is_search ? 63 : BESIDE_HISTORY); /* order number above 0 */
    return is_who && v->kind == MONGO_TEXT ? SCORE(Q_SECRET_OPERATOR, 60) : SCORE(Q_NONE, 0);
}

static struct mongo_score score_exists(const struct mongo_question *q)
{
    if (q->value.kind == MONGO_FALSE || (q->value.kind == MONGO_NUMBER && slice_eq(q->value.text, SL("0"))))
        return SCORE(Q_SECRET_OPERATOR, is_password(q->field) ? 30 : 0);
    if (mongo_is_secret(q->field))
        return SCORE(Q_SECRET_OPERATOR, is_seed_of_many(q)      ? 50
                                        : is_password(q->field) ? 76
                                        : q->picks_one          ? 64
                                                                : 50);
    bool is_of_many = is_id(q->field) && is_excused(q) && !q->picks_one; /* entries of a log that somebody made */

    if (is_login(q->field))
        return SCORE(Q_SECRET_OPERATOR, CONTAINS_ANY(q->field, "mail", "phone") || is_of_many || q->is_of_a_log ? 40 : 66);
    if (is_selector(q->field))
        return SCORE(Q_ALWAYS_OPERATOR, is_excused(q) ? 55 : 63);
    if (is_lone_key(q) && WORD_IN_NOCASE(q->field, "_id", "id"))
        return SCORE(Q_ALWAYS_OPERATOR, 62); /* others may be missing: googleId */
    return SCORE(Q_ALWAYS_OPERATOR, is_about(q->field) || is_state(q->field) ? 12
                                    : is_id(q->field)                        ? BESIDE_HISTORY
                                                                             : 35);
}

static struct mongo_score score_list(const struct mongo_question *q, bool is_negated)
{
    bool is_secret = mongo_is_secret(q->field);

    if (q->value.kind == MONGO_OBJECT || q->value.kind == MONGO_EMPTY_OBJECT)
        return SCORE(Q_WIDE_OPERATOR, 60);
    if (is_negated && q->value.kind == MONGO_EMPTY_LIST)
        return SCORE(is_secret ? Q_SECRET_OPERATOR : Q_ALWAYS_OPERATOR, is_secret ? 90
                                                                        : is_lone_key(q) || is_only_key(q)
                                                                            ? 64
                                                                        : is_state(q->field) ? 12
                                                                        : is_id(q->field)    ? BESIDE_HISTORY
                                                                                             : 70);
    if (is_negated && q->has_null) { /* {"$nin": [null, ""]} asks for what is filled in */
        struct mongo_question inner = *q;

        inner.value = (struct mongo_value) { .kind = MONGO_NULL };
        return score_not_equal(&inner);
    }
    if (is_negated && q->is_junk_list && !is_secret && !is_state(q->field) &&
        (is_only_key(q) || !is_id(q->field)))
        return SCORE(is_login(q->field) ? Q_SECRET_OPERATOR : Q_ALWAYS_OPERATOR,
                     is_login(q->field) ? 84 : 66);
    if (is_negated)
        return SCORE(is_secret ? Q_SECRET_OPERATOR : Q_WIDE_OPERATOR, is_secret            ? 88
                                                                      : is_login(q->field) ? 35
                                                                      : is_id(q->field) || is_state(q->field)
                                                                          ? 0
                                                                          : 15);
    if (is_password(q->field) && is_secret)
        return SCORE(Q_SECRET_OPERATOR, 82);
    if (q->is_guess_list && !is_state(q->field))
        return SCORE(Q_GUESS_LIST, 78);
    return SCORE(Q_NONE, 0);
}

/* "object", "array", "null", by name or number: what no form's value is. */
static bool is_type_of_parts(const struct mongo_value *v)
{
    return (v->kind == MONGO_TEXT && WORD_IN(v->text, "object", "array", "null", "undefined", "bool", "date")) ||
           (v->kind == MONGO_NUMBER && WORD_IN(v->text, "3", "4", "6", "8", "9", "10"));
}

/* {"pathTokens": {"$size": 2}}: how many there are of several. */
static bool counts_several(const struct mongo_question *q)
{
    return slice_eq(q->operator, SL("$size")) && slice_ends_nocase(q->field, SL("s")) &&
           !slice_ends_nocase(q->field, SL("pass"));
}

static struct mongo_score score_plain(const struct mongo_question *q)
{
    struct slice o = q->operator;

    if (slice_eq(o, SL("$ne")))
        return score_not_equal(q);
    if (slice_eq(o, SL("$gt")) || slice_eq(o, SL("$gte")))
        return score_bound(q, true);
    if (slice_eq(o, SL("$lt")) || slice_eq(o, SL("$lte")))
        return score_bound(q, false);
    if (slice_eq(o, SL("$exists")))
        return score_exists(q);
    if (slice_eq(o, SL("$regex")))
        return score_pattern(q);
    if (slice_eq(o, SL("$in")) || slice_eq(o, SL("$nin")))
        return score_list(q, slice_eq(o, SL("$nin")));
    if (WORD_IN_NOCASE(o, "$where", "$function", "$expr"))
        return SCORE(Q_SCRIPT_IN_FIELD, slice_eq(o, SL("$expr")) ? 60 : 92);
    if (slice_eq(o, SL("$type")))
        return SCORE(mongo_is_secret(q->field) ? Q_SECRET_OPERATOR : Q_ALWAYS_OPERATOR,
                     mongo_is_secret(q->field)     ? 82
                     : is_type_of_parts(&q->value) ? 15
                     : is_login(q->field)          ? 62
                     : is_selector(q->field)       ? is_excused(q) && !is_reference(q->field) ? 55 : 62
                     : is_only_key(q)              ? 62
                                                   : 35);
    if (slice_eq(o, SL("$mod")) && q->is_whole_modulus)
        return SCORE(Q_ALWAYS_OPERATOR, 72);
    if (slice_eq(o, SL("$not")) && q->value.kind == MONGO_EMPTY_OBJECT)
        return SCORE(Q_ALWAYS_OPERATOR, 66);
    if (WORD_IN_NOCASE(o, "$or", "$and", "$nor"))
        return SCORE(Q_WIDE_OPERATOR, 60); /* these belong beside fields, not into one */
    if (WORD_IN_NOCASE(o, "$eq", "$options", "$all", "$size", "$elemMatch", "$mod", "$not", "$near",
                       "$nearSphere", "$geoWithin", "$geoIntersects", "$maxDistance", "$minDistance",
                       "$geometry", "$text", "$search", "$bitsAllSet", "$bitsAnySet", "$center", "$box",
                       "$comment"))
        return mongo_is_secret(q->field) && !counts_several(q) &&
                       WORD_IN_NOCASE(o, "$size", "$mod", "$all", "$bitsAllSet", "$elemMatch")
                   ? SCORE(Q_SECRET_OPERATOR, 70)
                   : SCORE(Q_NONE, 0);
    return SCORE(Q_WIDE_OPERATOR, mongo_is_secret(q->field) || is_login(q->field) ? 70 : 40);
}

/* A key, a password or a token is looked up with exact values: an operator beside it came from somewhere
 * else. */
static struct mongo_score beside_secret(const struct mongo_question *q, struct mongo_score s)
{
    if (q->beside_secret && s.score >= 20 && s.score < BESIDE_SECRET)
        s.score = BESIDE_SECRET;
    return s;
}

static struct slice without_anchor(struct slice pattern)
{
    return slice_starts(pattern, SL("^")) ? slice_make(pattern.at + 1, pattern.len - 1) : pattern;
}

static struct mongo_score score_operator(const struct mongo_question *q)
{
    struct mongo_question inner = *q;

    if (!q->is_negated)
        return score_plain(q);
    if (slice_eq(q->operator, SL("$eq"))) { /* {"$not": {"$eq": x}} is {"$ne": x} */
        inner.operator= SL("$ne");
        return score_plain(&inner);
    }
    if (slice_eq(q->operator, SL("$in"))) {
        inner.operator= SL("$nin");
        return score_plain(&inner);
    }
    bool is_picker = is_selector(q->field) || is_key_name(q->field);

    if (mongo_is_secret(q->field))
        return SCORE(Q_SECRET_OPERATOR, 85);
    if (slice_eq(q->operator, SL("$type"))) /* whatever it is, it is not that: as {"$ne": null} */
        return SCORE(Q_ALWAYS_OPERATOR, is_login(q->field)                 ? 66
                                        : is_picker && !is_state(q->field) ? is_excused(q) ? 55 : 63
                                                                           : 30);
    if (slice_eq(q->operator, SL("$exists")) && q->value.kind == MONGO_FALSE) /* said twice not */
        return SCORE(Q_ALWAYS_OPERATOR, is_about(q->field) || is_state(q->field) ? 30 : 64);
    if (WORD_IN(q->operator, "$lt", "$gt", "$lte") && q->value.kind == MONGO_TEXT && q->value.text.len == 0)
        return SCORE(Q_ALWAYS_OPERATOR, is_about(q->field) ? 45 : 66);
    if (slice_eq(q->operator, SL("$regex")) && q->value.kind == MONGO_TEXT &&
        mongo_is_placeholder(without_anchor(q->value.text)))
        return SCORE(Q_ALWAYS_OPERATOR, is_login(q->field) || is_picker ? 64 : 30);
    if (WORD_IN(q->operator, "$lt", "$gt", "$lte", "$gte", "$size") && q->value.kind != MONGO_OTHER &&
        !is_state(q->field) && !is_excused(q) &&
        (is_login(q->field) || is_picker)) /* of what is compared with one value nobody says what it is not */
        return SCORE(Q_ALWAYS_OPERATOR, 63);
    return SCORE(Q_WIDE_OPERATOR, is_login(q->field) ? 50 : 15);
}

/* {"_id": {"$ne": null}} of a single document: whichever. Each has one. */
static struct mongo_score of_the_key(const struct mongo_question *q, struct mongo_score s)
{
    bool is_nothing = q->value.kind == MONGO_NULL && WORD_IN(q->operator, "$ne", "$gt", "$gte");
    bool is_there = slice_eq(q->operator, SL("$exists")) && q->value.kind == MONGO_TRUE;

    if (q->picks_one && slice_eq(q->field, SL("_id")) && !q->is_negated && (is_nothing || is_there) && s.score < 64)
        s = SCORE(Q_ALWAYS_OPERATOR, 64);
    return s;
}

#define LOOKED_UP 62

/* One document, looked up by one property and nothing else: that is compared with what was given. Workers that take the
 * next job of a queue ask for states and times. */
static struct mongo_score of_a_lookup(const struct mongo_question *q, struct mongo_score s)
{
    bool is_there = slice_eq(q->operator, SL("$exists")) && !q->changes_one; /* how people look at a schema */

    if (q->picks_one && !q->has_limit && q->is_only && s.score >= 25 && s.score < LOOKED_UP && !is_there &&
        !is_about(q->field) && !is_state(q->field))
        s.score = LOOKED_UP;
    return s;
}

/* Is it asked whether the property is there, and not what it is? */
static bool asks_if_there(const struct mongo_question *q)
{
    bool is_empty = q->value.kind == MONGO_NULL || (q->value.kind == MONGO_TEXT && q->value.text.len == 0);

    return WORD_IN(q->operator, "$exists", "$type") || (slice_eq(q->operator, SL("$nin")) && q->has_null) ||
           (WORD_IN(q->operator, "$ne", "$gt", "$gte") && is_empty);
}

/* One operator comes from a form. Two, as in {"$exists": true, "$ne": null}, are how people say that something is filled
 * in; and who groups or sorts by a property, or lists its values, wants those that have it. */
static struct mongo_score of_filled_in(const struct mongo_question *q, struct mongo_score s)
{
    if (mongo_is_secret(q->field) || s.score <= BESIDE_HISTORY || !asks_if_there(q))
        return s;
    if ((q->is_filled_in && !q->picks_one) || q->is_used_again)
        s.score = BESIDE_HISTORY;
    else if (q->is_counted && s.score > 55 && (q->value.kind == MONGO_NULL || slice_eq(q->operator, SL("$exists"))))
        s.score = 55;
    return s;
}

/* Who or what one document belongs to or is found by, as a whole: nobody types the beginning of it into a search box. */
static bool is_given_whole(struct slice field)
{
    return !is_about(field) && !is_state(field) &&
           (is_login(field) || is_reference(field) || is_key_name(field) ||
            WORD_IN_NOCASE(field, "author", "owner", "creator", "customer", "tenant", "sku", "isbn", "sender", "recipient",
                           "assignee"));
}

#define ODD 12 /* to be told of, no more */

/* {"owner": {"$regex": "o"}}, {"owner": {"$ne": 1}}: releases add searches, with pages and whatever the case, and say which
 * value is not wanted; they do not begin to ask for parts of a key or hold a name against a number. */
static struct mongo_score of_a_whole(const struct mongo_question *q, struct mongo_score s)
{
    const struct mongo_value *v = &q->value;
    bool is_page = q->ignores_case || (q->has_limit && !q->picks_one);
    bool is_part = slice_eq(q->operator, SL("$regex")) && v->kind == MONGO_TEXT && !is_page && !is_whole_value(v->text);
    bool is_other_kind = WORD_IN(q->operator, "$ne", "$gt", "$gte", "$lt", "$lte") &&
                         !WORD_IN(q->field, "_id", "id") && /* which may be a number, and is paged through */
                         ((v->kind == MONGO_NUMBER && v->text.len <= 1) || v->kind == MONGO_TRUE || v->kind == MONGO_FALSE);

    if (s.score >= BESIDE_HISTORY || q->is_negated || !(is_part || is_other_kind) || !is_given_whole(q->field))
        return s;
    if (s.score < ODD)
        s = (struct mongo_score) { .rule = is_part ? Q_PATTERN_GUESS : Q_WIDE_OPERATOR,
                                   .score = ODD,
                                   .is_guess = s.is_guess };
    s.is_odd = true;
    return s;
}

struct mongo_score mongo_score_operator(const struct mongo_question *q)
{
    return of_a_whole(q, of_filled_in(q, of_the_key(q, of_a_lookup(q, beside_secret(q, score_operator(q))))));
}
