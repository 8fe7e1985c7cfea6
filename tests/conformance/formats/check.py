"""Reads the documents in a folder (NAME.FORMAT, made by test_encode_documents) and tells what is wrong with them.

Written from the formats' own specifications, without a line of ours. The native document (NAME.json) says what
the others must hold: it has every text whole, with invalid UTF-8 already replaced.
SPDX-License-Identifier: Apache-2.0
"""
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MARK = "..."
CEF_LIMITS = {"act": 63, "outcome": 63, "app": 31, "proto": 31, "externalId": 40, "dvchost": 100,
              "cs1": 4000, "cs2": 4000, "cs3": 4000, "cs4": 4000, "cs5": 4000, "cs6": 4000}
CEF_NUMBERS = {"rt", "start", "end", "cnt", "in", "out", "cn1", "cn2", "cn3", "type"}
LEEF_RESERVED = {"isLoginEvent", "isLogoutEvent", "identMAC", "identSecondlp", "calLanguage", "calCountryOrRegion"}
SCALE = {"Informational": (1, 1, 1, 21), "Low": (3, 3, 2, 21), "Medium": (5, 5, 3, 47), "High": (8, 8, 4, 73)}


class Wrong(Exception):
    pass


def need(ok, *what):
    if not ok:
        raise Wrong(" ".join(str(w)[:300] for w in what))


def once(pairs):
    keys = [k for k, _ in pairs]
    need(len(keys) == len(set(keys)), "a member twice:", sorted(k for k in keys if keys.count(k) > 1)[:1])
    return dict(pairs)


def no_constant(name):
    raise Wrong(name + " is no JSON")


def read_json(data):
    return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=no_constant)


# ---- line formats ------------------------------------------------------------------------------------------


def read_cef(line):
    """Header fields and a dict of the extension; raises on anything the standard forbids."""
    fields, field, at = [], "", 0
    while len(fields) < 7:
        need(at < len(line), "header ends early")
        c = line[at]
        if c == "\\":
            need(line[at + 1] in "\\|", "escape in header:", line[at:at + 2])
            field += line[at + 1]
            at += 2
            continue
        at += 1
        if c == "|":
            fields.append(field)
            field = ""
        else:
            field += c
    extension, rest = {}, line[at:]
    starts = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", rest)) if rest else []
    starts = [m for m in starts if not rest[:m.end() - 1].endswith("\\")]
    need(not rest or (starts and starts[0].start() == 0), "text before the first key:", rest)
    for m, after in zip(starts, starts[1:] + [None]):
        raw = rest[m.end():after.start() if after else len(rest)]
        need(not re.search(r"(?<!\\)(?:\\\\)*=", raw), "an = that is not escaped:", raw)
        need(re.fullmatch(r"(?:[^\\]|\\[\\=nr])*", raw), "escape:", raw)
        need(m[1] not in extension, "key twice:", m[1])
        need(raw, "empty value:", m[1])
        extension[m[1]] = re.sub(r"\\(.)", lambda e: {"n": "\n", "r": "\r"}.get(e[1], e[1]), raw)
    return fields, extension


def read_leef(line):
    head = line.split("|", 6)
    need(len(head) == 7 and head[0] == "LEEF:2.0" and head[5] == "^", "header:", line)
    attributes = {}
    for pair in head[6].split("^"):
        key, eq, value = pair.partition("=")
        need(eq and re.fullmatch("[A-Za-z0-9]+", key), "pair:", pair)
        need(key not in attributes, "key twice:", key)
        need(value and key not in LEEF_RESERVED, "key:", pair)
        attributes[key] = value
    return head, attributes


def clean(text, keeps_lines, instead=""):
    """The text as a line format carries it."""
    if keeps_lines:
        text = text.replace("\r\n", "\n")
        text = re.sub("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]", " ", text)
    else:
        text = BREAKS.sub(" ", text)
    if instead:
        text = text.replace(instead, " ")
    return text.strip(" ")


def same(got, wanted, limit, what, is_id=False):
    """got is wanted, or its beginning with a mark; nothing at all when wanted is empty."""
    if got is None:
        need(not wanted or is_id and len(wanted) > limit, what, "is missing, wanted", repr(wanted))
        return
    need(len(got) <= limit, what, "is too long:", len(got))
    if got != wanted:
        need(not is_id and got.endswith(MARK) and wanted.startswith(got[:-len(MARK)]), what, "is", repr(got),
             "instead of", repr(wanted))


def first(native, name):
    values = native["evidence"].get(name, [])
    return min(values, key=lambda v: v.encode()) if values else ""


def addresses(native):
    found = []
    for entity in native["entities"]:
        try:
            if entity["type"] == "ip":
                ipaddress.ip_address(entity["address"])
                found += [entity["address"]] if "%" not in entity["address"] else []
        except ValueError:
            pass
    return found


def check_line(data):
    need(len(data) <= 7600, "bytes:", len(data))
    line = data.decode("utf-8")
    need(not BREAKS.search(line), "control character")
    return line


def check_cef(data, native, whole):
    line = check_line(data)
    fields, extension = read_cef(line)
    need(fields[0] == "CEF:0" and fields[4] == native["alertType"], "header:", fields)
    need(int(fields[6]) == SCALE[native["severity"]][0], "severity:", fields[6])
    need([len(f) <= n for f, n in zip(fields[1:6], (63, 63, 31, 1023, 512))] == [True] * 5, "header field too long")
    for key, value in extension.items():
        same(value, value, CEF_LIMITS.get(key, 1023), key)
        need(key not in CEF_NUMBERS or re.fullmatch("-?[0-9]+", value), key, "is no number:", value)
    for key in extension:
        if re.fullmatch("(cs|cn|cfp|c6a)[0-9]", key):
            need(extension.get(key + "Label"), key, "without label")
    need(extension["externalId"] == native["systemAlertId"], "externalId")
    need(extension["externalId"] + "-" + extension["cn1"] == native["recordId"], "record id")
    v4 = [a for a in addresses(native)[:1] if "." in a]
    need(extension.get("src") == (v4[0] if v4 else None), "src:", extension.get("src"))
    if whole:
        same(extension.get("requestClientApplication"), clean(first(native, "userAgent"), True), 1023, "user agent")
        same(extension.get("suser"), clean(first(native, "principal"), True), 1023, "suser")
        same(extension.get("dhost"), clean(native["accountName"], True), 1023, "dhost")
        same(extension.get("msg"), clean(native["reasons"][0], True), 1023, "msg")
        same(extension.get("cs5"), clean(native["accountName"] + "|" + native["subject"], True), 4000, "cs5", True)
    return fields, extension


def check_leef(data, native, whole):
    head, attributes = read_leef(check_line(data))
    need(head[4] == native["alertType"], "event id:", head[4])
    need(int(attributes["sev"]) == SCALE[native["severity"]][1], "sev")
    need(attributes["cosmosAlertId"] == native["systemAlertId"], "alert id")
    need(attributes["cosmosRecordId"] == native["recordId"], "record id")
    need(re.fullmatch("[0-9]{10}|[0-9]{13}", attributes["devTime"]), "devTime")
    need(len(attributes.get("usrName", "")) <= 255, "usrName too long")
    found = addresses(native)
    need(attributes.get("src") == (found[0] if found else None), "src:", attributes.get("src"))
    if whole:
        same(attributes.get("cosmosClient"), clean(first(native, "userAgent"), False, "^"), 1023, "user agent")
        same(attributes.get("usrName"), clean(first(native, "principal"), False, "^"), 255, "usrName")
        same(attributes.get("resource"), clean(native["accountName"], False, "^"), 255, "resource")
        same(attributes.get("cosmosMessage"), clean(native["reasons"][0], False, "^"), 1023, "message")


# ---- documents ---------------------------------------------------------------------------------------------


def at(document, path):
    for part in path.split("/"):
        if document is None:
            return None
        document = document[int(part)] if isinstance(document, list) else document.get(part)
    return document


# format: bytes, alert id, record id, severity, user agent, reason
PLACES = {
    "defender": (32768, "SystemAlertId", "ExtendedProperties/Record Id", "Severity", None, "ExtendedProperties/Reason"),
    "asim": (65536, "AlertId", "EventUid", "EventSeverity", "AdditionalFields/Facts/userAgent/0", "RuleDescription"),
    "sentinel": (65536, "SystemAlertId", "RecordId", "AlertSeverity", "ClientApplication", "Reason"),
    "ocsf": (262144, "finding_info/uid", "metadata/uid", "severity_id", "evidences/0/http_request/user_agent", "message"),
    "ecs": (262144, "azure_cosmos/alert_id", "event/id", "event/severity", "user_agent/original", "message"),
    "cloudevents": (None, "subject", "id", "severity", "data/evidence/userAgent/0", "data/reasons/0"),
}


def check_document(form, data, native, validator):
    size, alert_id, record_id, severity, agent, reason = PLACES[form]
    document = read_json(data)
    need(b"\n" not in data and (size is None or len(data) <= size), "size", len(data))
    errors = sorted(validator.iter_errors(document), key=lambda e: list(e.absolute_path)) if validator else []
    need(not errors, errors and "/".join(map(str, errors[0].absolute_path)) + ": " + errors[0].message)
    need(at(document, alert_id) == native["systemAlertId"], "alert id")
    need(at(document, record_id) == native["recordId"], "record id")
    wanted = {"ocsf": SCALE[native["severity"]][2], "ecs": SCALE[native["severity"]][3],
              "cloudevents": native["severity"].lower()}.get(form, native["severity"])
    need(at(document, severity) == wanted, "severity", at(document, severity))
    if agent:
        same(at(document, agent), first(native, "userAgent"), 1 << 20, "user agent")
    same(at(document, reason), native["reasons"][0], 1 << 20, "reason")
    if form == "cloudevents":
        need(document["data"] == native, "data is not the native document")
    if form == "defender":
        ids = [e["$id"] for e in document["Entities"] + document["ResourceIdentifiers"]]
        need(ids == [str(n) for n in range(2, 2 + len(ids))], "$id:", ids)
    return document


def columns_in_comment(form):
    """Column -> (types, always) from the table at the head of the encoder's source."""
    found = {}
    with open(os.path.join(ROOT, "outputs", "encode", form + ".c"), encoding="utf-8") as f:
        for line in f:
            if "*/" in line:
                break
            cells = [c.strip() for c in line.lstrip(" *").split("|")]
            if len(cells) > 2 and cells[1] in ("string", "datetime", "int", "long", "real", "boolean", "dynamic"):
                for name in cells[0].split(","):
                    found[name.strip()] = (cells[1], cells[2] == "always")
    return found


def is_type(value, kind):
    if kind == "datetime":
        return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", value)
    if kind == "int":
        return type(value) is int and abs(value) < 1 << 31
    if kind == "real":
        return type(value) in (int, float)
    return {"string": str, "long": int, "boolean": bool, "dynamic": (dict, list)}[kind] and \
        isinstance(value, {"string": str, "long": int, "boolean": bool, "dynamic": (dict, list)}[kind])


def check_columns(row, columns):
    for name, value in row.items():
        need(name in columns, "column that the table in the comment does not name:", name)
        need(is_type(value, columns[name][0]), name, "is no", columns[name][0])
        need(re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,44}", name), "column name:", name)
        need(name not in ("id", "TenantId", "Type", "UniqueId", "Title"), "reserved:", name)
        size = len(json.dumps(value, ensure_ascii=False).encode()) if not isinstance(value, str) else len(value.encode())
        need(size <= 65536, name, "is over 64 KB")
    for name, (_, always) in columns.items():
        need(not always or name in row, "missing:", name)


# ---- a reader that others wrote ----------------------------------------------------------------------------


def lognorm(lines, folder):
    """What liblognorm's CEF reader makes of each line; None when it is not installed."""
    if not shutil.which("lognormalizer"):
        return None
    rules = os.path.join(folder, "cef.rulebase")
    with open(rules, "w", encoding="utf-8") as f:
        f.write("version=2\nrule=:%f:cef%\n")
    # It loses the first letter of the first key unless a space follows the last bar of the header.
    text = "".join(re.sub(r"^((?:[^|\\]|\\.)*(?:\|(?:[^|\\]|\\.)*){6}\|)", r"\1 ", line) + "\n" for line in lines)
    done = subprocess.run(["lognormalizer", "-r", rules, "-e", "json"], input=text.encode(), check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return [json.loads(r) for r in done.stdout.decode().splitlines()]


def check_lognorm(cef, folder):
    """Each of (name, line, fields, extension) read by liblognorm gives the same."""
    results = lognorm([c[1] for c in cef], folder)
    if results is None:
        print("SKIPPED: liblognorm's CEF reader (Debian: liblognorm-utils)")
        return 0
    bad = 0
    for (name, _, fields, extension), got in zip(cef, results):
        got = got.get("f", {})
        names = ("DeviceVendor", "DeviceProduct", "DeviceVersion", "SignatureID", "Name", "Severity")
        if [got.get(n) for n in names] != fields[1:] or got.get("Extensions") != extension:
            print(f"FAIL {name}.cef: liblognorm read {got}"[:600])
            bad += 1
    if len(results) != len(cef):
        print(f"FAIL liblognorm answered {len(results)} of {len(cef)} lines")
        bad += 1
    print(f"liblognorm: {len(cef)} lines, {bad} wrong")
    return bad


def validators():
    found = {"sentinel": None}  # its table is ours: the comment in sentinel.c is the schema
    for form in set(PLACES) - set(found):
        with open(os.path.join(HERE, "schemas", form + ".schema.json"), encoding="utf-8") as f:
            schema = json.load(f)
        jsonschema.Draft7Validator.check_schema(schema)
        found[form] = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    return found


def main(folder):
    by_form, count, bad, cef = validators(), {}, 0, []
    columns = {form: columns_in_comment(form) for form in ("sentinel", "asim")}
    names = sorted(n[:-5] for n in os.listdir(folder) if n.endswith(".json"))
    for name in names:
        def data(form):
            with open(os.path.join(folder, name + "." + form), "rb") as f:
                return f.read()
        native = read_json(data("json")) if name != "huge" else json.loads(data("json"))
        for form in list(PLACES) + ["cef", "leef"]:
            try:
                if form == "cef":
                    raw = data(form)
                    cef.append((name, raw.decode(), *check_cef(raw, native, name not in ("huge", "long"))))
                elif form == "leef":
                    check_leef(data(form), native, name not in ("huge", "long"))
                else:
                    document = check_document(form, data(form), native, by_form[form])
                    if form in columns:
                        check_columns(document, columns[form])
                count[form] = count.get(form, 0) + 1
            except (Wrong, ValueError, KeyError, IndexError) as e:
                print(f"FAIL {name}.{form}: {type(e).__name__} {e}")
                bad += 1
    bad += check_lognorm(cef, folder)
    print(f"{len(names)} alerts;", ", ".join(f"{n} {f}" for f, n in sorted(count.items())), f"right; {bad} wrong")
    return 1 if bad or not names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
