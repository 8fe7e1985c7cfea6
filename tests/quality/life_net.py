"""The internet of the made-up life: who owns which range, and where it is. Ranges are invented, their owners' numbers
are real, since agents know cloud providers by them.
SPDX-License-Identifier: Apache-2.0
"""

# country -> city, latitude, longitude
CITIES = {
    "NL": ("Amsterdam", 52.37, 4.90), "IE": ("Dublin", 53.35, -6.26), "DE": ("Frankfurt", 50.11, 8.68),
    "GB": ("London", 51.51, -0.13), "FR": ("Paris", 48.86, 2.35), "US": ("Ashburn", 39.04, -77.49),
    "PL": ("Warsaw", 52.23, 21.01), "ES": ("Madrid", 40.42, -3.70), "IT": ("Milan", 45.46, 9.19),
    "SE": ("Stockholm", 59.33, 18.06), "PT": ("Lisbon", 38.72, -9.14), "AT": ("Vienna", 48.21, 16.37),
    "IN": ("Pune", 18.52, 73.86), "BR": ("Sao Paulo", -23.55, -46.63), "VN": ("Hanoi", 21.03, 105.85),
    "NG": ("Lagos", 6.52, 3.38), "RU": ("Moscow", 55.76, 37.62), "CN": ("Shanghai", 31.23, 121.47),
    "TR": ("Istanbul", 41.01, 28.98), "ID": ("Jakarta", -6.21, 106.85), "UA": ("Kyiv", 50.45, 30.52),
    "RO": ("Bucharest", 44.43, 26.10), "SG": ("Singapore", 1.35, 103.82), "JP": ("Tokyo", 35.68, 139.69),
    "CA": ("Montreal", 45.50, -73.57), "FI": ("Helsinki", 60.17, 24.94), "MD": ("Chisinau", 47.01, 28.86),
    "ZA": ("Cape Town", -33.92, 18.42), "KR": ("Seoul", 37.57, 126.98), "BG": ("Sofia", 42.70, 23.32),
}
REGIONS = {"West Europe": "NL", "North Europe": "IE", "East US": "US", "Germany West Central": "DE", "UK South": "GB",
           "France Central": "FR"}
PEOPLE = {  # country -> access providers
    "NL": [(1136, "KPN B.V."), (33915, "Vodafone Libertel")], "DE": [(3320, "Deutsche Telekom AG"), (3209, "Vodafone GmbH")],
    "IE": [(5466, "Eircom")], "GB": [(2856, "British Telecommunications PLC"), (5089, "Virgin Media")],
    "FR": [(3215, "Orange S.A."), (12322, "Free SAS")], "US": [(7922, "Comcast Cable"), (701, "Verizon Business")],
    "PL": [(5617, "Orange Polska")], "ES": [(3352, "Telefonica de Espana")], "IT": [(3269, "Telecom Italia")],
    "SE": [(3301, "Telia Company")], "PT": [(3243, "MEO Residencial")], "AT": [(8447, "A1 Telekom Austria")],
    "IN": [(24560, "Bharti Airtel")], "BR": [(27699, "Telefonica Brasil")], "VN": [(45899, "VNPT Corp")],
    "NG": [(29465, "MTN Nigeria")], "RU": [(12389, "Rostelecom")], "CN": [(4134, "Chinanet")],
    "TR": [(9121, "Turk Telekom")], "ID": [(7713, "Telkom Indonesia")], "UA": [(15895, "Kyivstar")],
    "RO": [(8708, "RCS & RDS")], "ZA": [(3741, "Internet Solutions")], "KR": [(4766, "Korea Telecom")],
    "BG": [(8866, "Vivacom")],
}
HOSTING = [  # number, owner, countries
    (14061, "DigitalOcean, LLC", ("NL", "US", "DE", "SG", "GB")), (24940, "Hetzner Online GmbH", ("DE", "FI")),
    (16276, "OVH SAS", ("FR", "CA", "PL")), (9009, "M247 Europe SRL", ("RO", "GB", "NL", "SE")),
    (16509, "Amazon.com, Inc.", ("IE", "US", "DE", "SG")), (20473, "The Constant Company, LLC", ("US", "JP", "NL")),
    (51167, "Contabo GmbH", ("DE",)), (63949, "Akamai Connected Cloud", ("US", "GB", "DE")),
    (12876, "Scaleway S.a.s.", ("FR", "NL")), (200019, "Alexhost Srl", ("MD",)), (44477, "Stark Industries", ("NL", "RU")),
    (60781, "LeaseWeb Netherlands B.V.", ("NL",)),
]
MICROSOFT = (8075, "Microsoft Corporation")
FOREIGN = ["IN", "BR", "VN", "NG", "RU", "CN", "TR", "ID", "UA", "RO", "ZA", "KR", "BG"]


class Net:
    """Ranges of /16: `azure[region]`, `people[country]`, `hosting[(number, country)]`, and the CSV of them all."""

    def __init__(self):
        self.csv = ["cidr,name,country,city,lat,lon,asn,org"]
        self.azure, self.people, self.hosting = {}, {}, {}
        free = iter("%d.%d" % (a, b) for a in (31, 45, 62, 77, 80, 85, 91, 93, 103, 141, 178, 185, 193) for b in range(0, 256, 3))
        cloud = iter("%d.%d" % (a, b) for b in range(30, 240, 7) for a in (20, 40, 51, 52))
        for region, country in REGIONS.items():
            self.azure[region] = [self._own(next(cloud), country, MICROSOFT) for _ in range(5)]
        for country, owners in PEOPLE.items():
            self.people[country] = [self._own(next(free), country, o) for o in owners for _ in range(2)]
        for number, owner, countries in HOSTING:
            for country in countries:
                self.hosting[number, country] = [self._own(next(free), country, (number, owner)) for _ in range(2)]
        self.csv += ['18.%d.0.0/16,"Amazon.com, Inc.",%s,%s,%s,%s,16509,"Amazon.com, Inc."' % (n, "IE", *CITIES["IE"])
                     for n in range(130, 250)]

    def _own(self, prefix, country, owner):
        city, lat, lon = CITIES[country]
        self.csv.append('%s.0.0/16,"%s",%s,%s,%s,%s,%d,"%s"' % (prefix, owner[1], country, city, lat, lon, owner[0], owner[1]))
        return prefix

    @staticmethod
    def host(r, prefixes):
        return "%s.%d.%d" % (r.choice(prefixes), r.randrange(1, 255), r.randrange(2, 254))

    def at_home(self, r, country):
        return self.host(r, self.people[country])

    def rented(self, r, countries=None, but=()):
        """A host at a provider in one of the countries (any), not at one of the numbers `but`."""
        fit = [k for k in self.hosting if (not countries or k[1] in countries) and k[0] not in but]
        return self.host(r, self.hosting[r.choice(fit)]) if fit else None

    def hosted_agent(self, r):
        """A build agent of the cloud: anywhere in three regions."""
        return self.host(r, self.azure[r.choice(["East US", "West Europe", "North Europe"])])
