/* provider.c - see provider.h. SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/provider.h"

static const struct {
    uint32_t asn;
    uint32_t id; /* the provider's first number */
    const char *name;
    enum provider_kind kind;
} numbers[] = { /* ascending */
    { .asn = 174, .id = 174, .name = "Cogent", .kind = PROVIDER_DATA_CENTER },
    { .asn = 7506, .id = 7506, .name = "GMO Internet", .kind = PROVIDER_HOSTING },
    { .asn = 8075, .id = 8075, .name = "Microsoft Azure", .kind = PROVIDER_CLOUD },
    { .asn = 8560, .id = 8560, .name = "IONOS", .kind = PROVIDER_HOSTING },
    { .asn = 9009, .id = 9009, .name = "M247", .kind = PROVIDER_HOSTING },
    { .asn = 9370, .id = 9370, .name = "Sakura Internet", .kind = PROVIDER_HOSTING },
    { .asn = 12876, .id = 12876, .name = "Scaleway", .kind = PROVIDER_CLOUD },
    { .asn = 13213, .id = 13213, .name = "UK2", .kind = PROVIDER_HOSTING },
    { .asn = 13238, .id = 13238, .name = "Yandex", .kind = PROVIDER_CLOUD },
    { .asn = 13335, .id = 13335, .name = "Cloudflare", .kind = PROVIDER_CLOUD },
    { .asn = 14061, .id = 14061, .name = "DigitalOcean", .kind = PROVIDER_CLOUD },
    { .asn = 14576, .id = 14576, .name = "Hosting Solution", .kind = PROVIDER_HOSTING },
    { .asn = 14618, .id = 16509, .name = "Amazon Web Services", .kind = PROVIDER_CLOUD },
    { .asn = 15169, .id = 15169, .name = "Google Cloud", .kind = PROVIDER_CLOUD },
    { .asn = 16265, .id = 60781, .name = "Leaseweb", .kind = PROVIDER_HOSTING },
    { .asn = 16276, .id = 16276, .name = "OVHcloud", .kind = PROVIDER_CLOUD },
    { .asn = 16509, .id = 16509, .name = "Amazon Web Services", .kind = PROVIDER_CLOUD },
    { .asn = 19994, .id = 19994, .name = "Rackspace", .kind = PROVIDER_CLOUD },
    { .asn = 20473, .id = 20473, .name = "Vultr", .kind = PROVIDER_CLOUD },
    { .asn = 20940, .id = 20940, .name = "Akamai", .kind = PROVIDER_CLOUD },
    { .asn = 22612, .id = 22612, .name = "Namecheap", .kind = PROVIDER_HOSTING },
    { .asn = 23470, .id = 23470, .name = "ReliableSite", .kind = PROVIDER_HOSTING },
    { .asn = 24940, .id = 24940, .name = "Hetzner", .kind = PROVIDER_CLOUD },
    { .asn = 26496, .id = 26496, .name = "GoDaddy", .kind = PROVIDER_HOSTING },
    { .asn = 28753, .id = 60781, .name = "Leaseweb", .kind = PROVIDER_HOSTING },
    { .asn = 29802, .id = 29802, .name = "HIVELOCITY", .kind = PROVIDER_HOSTING },
    { .asn = 31898, .id = 31898, .name = "Oracle Cloud", .kind = PROVIDER_CLOUD },
    { .asn = 32244, .id = 32244, .name = "Liquid Web", .kind = PROVIDER_HOSTING },
    { .asn = 32934, .id = 32934, .name = "Meta", .kind = PROVIDER_DATA_CENTER },
    { .asn = 34119, .id = 34119, .name = "Wildcard UK", .kind = PROVIDER_HOSTING },
    { .asn = 35540, .id = 16276, .name = "OVHcloud", .kind = PROVIDER_CLOUD },
    { .asn = 36351, .id = 36351, .name = "IBM Cloud", .kind = PROVIDER_CLOUD },
    { .asn = 36352, .id = 36352, .name = "HostPapa", .kind = PROVIDER_HOSTING },
    { .asn = 37963, .id = 45102, .name = "Alibaba Cloud", .kind = PROVIDER_CLOUD },
    { .asn = 39351, .id = 39351, .name = "31173 Services (VPN)", .kind = PROVIDER_HOSTING },
    { .asn = 40676, .id = 40676, .name = "Psychz Networks", .kind = PROVIDER_HOSTING },
    { .asn = 44477, .id = 44477, .name = "Stark Industries", .kind = PROVIDER_HOSTING },
    { .asn = 45090, .id = 132203, .name = "Tencent Cloud", .kind = PROVIDER_CLOUD },
    { .asn = 45102, .id = 45102, .name = "Alibaba Cloud", .kind = PROVIDER_CLOUD },
    { .asn = 46606, .id = 46606, .name = "Unified Layer", .kind = PROVIDER_HOSTING },
    { .asn = 47583, .id = 47583, .name = "Hostinger", .kind = PROVIDER_HOSTING },
    { .asn = 49505, .id = 49505, .name = "Selectel", .kind = PROVIDER_CLOUD },
    { .asn = 51167, .id = 51167, .name = "Contabo", .kind = PROVIDER_HOSTING },
    { .asn = 53667, .id = 53667, .name = "FranTech (BuyVM)", .kind = PROVIDER_HOSTING },
    { .asn = 54113, .id = 54113, .name = "Fastly", .kind = PROVIDER_CLOUD },
    { .asn = 54290, .id = 54290, .name = "Hostwinds", .kind = PROVIDER_HOSTING },
    { .asn = 55967, .id = 55967, .name = "Baidu Cloud", .kind = PROVIDER_CLOUD },
    { .asn = 60068, .id = 60068, .name = "Datacamp (CDN77)", .kind = PROVIDER_HOSTING },
    { .asn = 60781, .id = 60781, .name = "Leaseweb", .kind = PROVIDER_HOSTING },
    { .asn = 61317, .id = 61317, .name = "Hivelocity (Digital Energy)", .kind = PROVIDER_HOSTING },
    { .asn = 62041, .id = 62041, .name = "Telegram", .kind = PROVIDER_DATA_CENTER },
    { .asn = 62240, .id = 62240, .name = "Clouvider", .kind = PROVIDER_HOSTING },
    { .asn = 63949, .id = 63949, .name = "Linode (Akamai)", .kind = PROVIDER_CLOUD },
    { .asn = 132203, .id = 132203, .name = "Tencent Cloud", .kind = PROVIDER_CLOUD },
    { .asn = 136907, .id = 136907, .name = "Huawei Cloud", .kind = PROVIDER_CLOUD },
    { .asn = 197695, .id = 197695, .name = "REG.RU", .kind = PROVIDER_HOSTING },
    { .asn = 199524, .id = 199524, .name = "Gcore", .kind = PROVIDER_CLOUD },
    { .asn = 200019, .id = 200019, .name = "AlexHost", .kind = PROVIDER_HOSTING },
    { .asn = 202425, .id = 202425, .name = "IP Volume", .kind = PROVIDER_HOSTING },
    { .asn = 212238, .id = 60068, .name = "Datacamp (CDN77)", .kind = PROVIDER_HOSTING },
    { .asn = 396982, .id = 15169, .name = "Google Cloud", .kind = PROVIDER_CLOUD },
    { .asn = 398101, .id = 26496, .name = "GoDaddy", .kind = PROVIDER_HOSTING },
};

static const struct {
    const char *word;
    enum provider_kind kind;
} words[] = {
    { .word = "hosting", .kind = PROVIDER_HOSTING },      { .word = "vps", .kind = PROVIDER_HOSTING },
    { .word = "dedicated server", .kind = PROVIDER_HOSTING }, { .word = "host ", .kind = PROVIDER_HOSTING },
    { .word = "cloud", .kind = PROVIDER_CLOUD },          { .word = "datacenter", .kind = PROVIDER_DATA_CENTER },
    { .word = "data center", .kind = PROVIDER_DATA_CENTER }, { .word = "colocation", .kind = PROVIDER_DATA_CENTER },
    { .word = "server", .kind = PROVIDER_DATA_CENTER },
};

struct provider provider_find(int64_t asn, struct slice org)
{
    size_t low = 0, high = ARRAY_LEN(numbers);
    struct provider ret = { .name = "", .id = (uint32_t)asn };

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (numbers[middle].asn == (uint32_t)asn)
            return (struct provider){ .name = numbers[middle].name, .kind = numbers[middle].kind,
                                      .id = numbers[middle].id };
        if (numbers[middle].asn < (uint32_t)asn)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = 0; i < ARRAY_LEN(words) && ret.kind == PROVIDER_OTHER; i++)
        if (slice_find_nocase(org, slice_of(words[i].word)) != SIZE_MAX)
            ret.kind = words[i].kind;
    return ret;
}
