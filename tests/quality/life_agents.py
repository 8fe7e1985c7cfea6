"""User agents of the made-up life: SDKs that are upgraded, tools that thieves use.
SPDX-License-Identifier: Apache-2.0
"""

EDGE = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36 "
        "Edg/%d.0.0.0")
TOOLS = ["python-requests/2.31.0", "curl/8.5.0", "PostmanRuntime/7.36.3"]
FAMILIES = ["java", "dotnet", "node", "python", "go", "rust"]


class Sdk:
    """One application's SDK. `release` upgrades it a little, as a deployment does."""

    def __init__(self, r, family, suffix=""):
        self.family, self.suffix, self.build = family, suffix, r.randrange(100, 900)
        self.minor, self.patch = r.randrange(2, 50), r.randrange(0, 4)
        self.system = r.randrange(1040, 1070)
        self.runtime = r.randrange(0, 8)

    def release(self, r):
        self.build += r.randrange(1, 9)
        if r.random() < 0.5:
            self.minor += r.choice([0, 1, 1, 2])
            self.patch = r.randrange(0, 4)
        if r.random() < 0.3:
            self.runtime += 1
        if r.random() < 0.3:
            self.system += r.randrange(1, 5)

    def text(self):
        suffix = (" " + self.suffix.replace("%", str(self.build))) if self.suffix else ""
        v = "%d.%d" % (self.minor, self.patch)
        if self.family == "java":
            return "azsdk-java-cosmos/4.%s Linux/5.15.0-%d-azure JRE/17.0.%d%s" % (v, self.system, self.runtime + 5, suffix)
        if self.family == "dotnet":
            return "cosmos-netstandard-sdk/3.%s|1|X64|Ubuntu 22.04.%d LTS|.NET 8.0.%d|N|%s" % (
                v, self.system % 5, self.runtime, suffix)
        if self.family == "node":
            return "Node.js/20.%d.0 (linux; x64) azure-cosmos-js/4.%s%s" % (self.runtime + 8, v, suffix)
        if self.family == "python":
            return "azsdk-python-cosmos/4.%s Python/3.11.%d (Linux-5.15.0-%d-azure-x86_64-with-glibc2.35)%s" % (
                v, self.runtime, self.system, suffix)
        if self.family == "go":
            return "azsdk-go-azcosmos/v1.%s (go1.2%d; linux)%s" % (v, self.runtime % 4, suffix)
        if self.family == "rust":
            return "azsdk-rust-cosmos/0.%d.0 azsdk-rust-cosmos-driver/0.3.0 linux/x86_64 rustc/1.8%d.0%s" % (
                self.minor, self.runtime, suffix)
        if self.family == "functions":
            return "cosmos-netstandard-sdk/3.%s|1|X64|Microsoft Windows 10.0.20348|.NET 8.0.%d|N| CosmosDBTriggerFunctions" % (
                v, self.runtime)
        if self.family == "spark":
            return "azsdk-java-cosmos/4.%s Linux/5.15.0-%d-azure JRE/1.8.0_382-b05 SparkConnector/4.2%d.0" % (
                v, self.system, self.runtime % 10)
        return {"pymongo": "PyMongo/4.%s" % v, "mongoose": "nodejs|Mongoose 6.3.%d|8.0.%d" % (self.patch, self.runtime),
                "mongojava": "mongo-java-driver|sync/4.%s" % v}[self.family]


def browser(r):
    v = r.randrange(118, 126)
    return EDGE % (v, v)
