"""What the simulator knows: clock, rows, registrations, settings, faults, and what it has seen."""

import collections
import threading
import time

from .kql import types as T
from .store import Store, WORKSPACE

TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "22222222-2222-2222-2222-222222222222"
SECRET = "s3cr~t&=+"
WORKSPACE2 = "44444444-4444-4444-4444-444444444444"
DCR = "dcr-0123456789abcdef0123456789abcdef"

SETTINGS = {
    "row_cap": 500000,            # rows of one answer
    "byte_cap": 104857600,        # raw bytes of one answer
    "cache": True,                # the two-minute answer cache
    "cache_s": 120,
    "token_lifetime_s": 3599,
    "mi_lifetime_s": 86399,
    "token_clock": "real",        # or "virtual": expiry follows /_control/clock
    "ingestion_cap": 1048576,     # bytes, compressed and not
    "missing_tables": [],         # tables that queries cannot resolve
    "query_limit": 0,             # requests per 30 s and principal; 0 = none (the service has 200)
    "query_retry_after": None,    # seconds in Retry-After of a 429 from query_limit; null = no header
    "assertion_skew_s": 300,
    "managed_identity": True,     # does the host have a system-assigned identity?
    "ingest_into_tables": True,   # rows of the Logs Ingestion API become queryable
    "ingest_delay_s": 0,          # arrival to ingestion_time()
}


class Clock:
    """Real time, or a time that only moves when told."""

    def __init__(self):
        self.fixed = None
        self.offset = 0

    def now(self):
        if self.fixed is not None:
            return self.fixed
        return T.EPOCH + time.time_ns() // 100 + self.offset

    def set(self, d):
        if "now" in d:
            if d["now"] is None:
                self.fixed, self.offset = None, 0
            else:
                t = T.parse_datetime(d["now"])
                if t is None:
                    raise ValueError("now: not a datetime")
                if d.get("running"):
                    self.fixed, self.offset = None, t - (T.EPOCH + time.time_ns() // 100)
                else:
                    self.fixed = t
        if d.get("advance_s"):
            step = round(float(d["advance_s"]) * T.SEC)
            if self.fixed is not None:
                self.fixed += step
            else:
                self.offset += step


class Fault:
    """One rule: when a request matches, something goes wrong. See README.md for its fields."""
    serial = 0

    def __init__(self, d):
        Fault.serial += 1
        self.id = d.get("id") or "f%d" % Fault.serial
        m = d.get("match", {})
        if isinstance(m, str):
            m = {"path": m}
        self.method = m.get("method")
        self.path = m.get("path")
        self.body = m.get("body")
        self.nth = m.get("nth") or d.get("nth")
        self.every = m.get("every")
        self.skip = m.get("skip", 0)
        self.left = d.get("count", 1 if "for_s" not in d and self.nth is None else None)
        self.until = time.monotonic() + d["for_s"] if "for_s" in d else None
        self.action = d.get("action", {})
        self.seen = self.hits = 0
        self.raw = d

    def wants(self, method, path, body):
        if self.left is not None and self.left <= 0:
            return False
        if self.until is not None and time.monotonic() > self.until:
            return False
        if self.method and self.method != method:
            return False
        if self.path and self.path not in path:
            return False
        if self.body and self.body not in body():
            return False
        self.seen += 1
        if self.seen <= self.skip:
            return False
        n = self.seen - self.skip
        if self.nth is not None and n != self.nth:
            return False
        if self.every is not None and n % self.every:
            return False
        self.hits += 1
        if self.left is not None:
            self.left -= 1
        return True

    def show(self):
        return dict(self.raw, id=self.id, seen=self.seen, hits=self.hits, left=self.left)


class World:
    def __init__(self, db=":memory:", arc_tokens=None):
        self.store = Store(db)
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.arc_tokens = arc_tokens
        self.ports = {}
        self.forget()

    def forget(self):
        """Everything back to the start, except rows."""
        with self.lock:
            self.clock = Clock()
            self.settings = {k: (list(v) if isinstance(v, list) else v) for k, v in SETTINGS.items()}
            self.tenants = {TENANT}
            self.apps = {CLIENT: {"tenants": [TENANT], "secrets": [SECRET], "expired_secrets": [], "certificates": [],
                                  "federated": [], "workspaces": ["*"], "dcrs": ["*"], "scopes": ["*"],
                                  "disabled": False}}
            self.workspaces = {WORKSPACE: {"name": "main"}, WORKSPACE2: {"name": "other"}}
            self.identities = {"system": {"client_id": CLIENT, "object_id": "aaaaaaaa-0000-4000-8000-000000000001"}}
            self.app_service_header = "secretheader"
            self.dcrs = {DCR: {"streams": {"Custom-CosmosThreat_CL": {
                "table": "CosmosThreat_CL", "columns": [["TimeGenerated", "datetime"], ["AlertId", "string"],
                                                      ["Text", "string"]]}}}}
            self.geo = []
            self.tokens = {}
            self.faults = []
            self.requests = collections.deque(maxlen=200000)
            self.n_requests = 0
            self.ingested = []
            self.hooks = {}
            self.hook_rules = {}
            self.cache = {}
            self.recent = {}
            self.arc_keys = {}
            self.seen_jti = set()
            self.feeds = {}
            self.changed.notify_all()

    def reset(self):
        self.forget()
        self.store.reset()

    def token_now(self):
        """Seconds on the clock that token lifetimes follow."""
        if self.settings["token_clock"] == "virtual":
            return T.to_unix(self.clock.now())
        return time.time()

    def revoke_tokens(self):
        with self.lock:  # others are issued meanwhile
            for t in self.tokens.values():
                t["revoked"] = True

    def note(self, entry):
        with self.lock:
            self.n_requests += 1
            entry["n"] = self.n_requests
            self.requests.append(entry)
            self.changed.notify_all()
        return entry

    def fault_for(self, method, path, body):
        with self.lock:
            for f in self.faults:
                if f.wants(method, path, body):
                    return f
        return None

    def lookup_geo(self, ip):
        import ipaddress
        try:
            a = ipaddress.ip_address(ip)
        except ValueError:
            return None
        for net, info in self.geo:
            if a.version == net.version and a in net:
                return info
        return {}
