/* cloud.c - the national clouds and their hosts.
 * Source: Microsoft Learn, "National clouds" (identity platform), Azure Monitor "Log Analytics API" and
 * "Logs Ingestion API" pages, environment tables of the Azure SDKs (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/azure.h"

static const struct azure_cloud clouds[] = {
    { .name = "public",
      .authority = "https://login.microsoftonline.com",
      .query_host = "https://api.loganalytics.azure.com",
      .query_scope = "https://api.loganalytics.io/.default", /* the older audience, good for both hosts */
      .ingest_scope = "https://monitor.azure.com/.default",
      .event_hubs_suffix = "servicebus.windows.net",
      .portal = "https://portal.azure.com" },
    { .name = "us_government",
      .authority = "https://login.microsoftonline.us",
      .query_host = "https://api.loganalytics.us",
      .query_scope = "https://api.loganalytics.us/.default",
      .ingest_scope = "https://monitor.azure.us/.default",
      .event_hubs_suffix = "servicebus.usgovcloudapi.net",
      .portal = "https://portal.azure.us" },
    { .name = "china",
      .authority = "https://login.partner.microsoftonline.cn",
      .query_host = "https://api.loganalytics.azure.cn",
      .query_scope = "https://api.loganalytics.azure.cn/.default",
      .ingest_scope = "https://monitor.azure.cn/.default",
      .event_hubs_suffix = "servicebus.chinacloudapi.cn",
      .portal = "https://portal.azure.cn" },
};

const struct azure_cloud *azure_cloud_at(size_t i)
{
    return i < ARRAY_LEN(clouds) ? &clouds[i] : NULL;
}

const struct azure_cloud *azure_cloud_find(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(clouds); i++)
        if (strcmp(clouds[i].name, name) == 0)
            return &clouds[i];
    return NULL;
}
