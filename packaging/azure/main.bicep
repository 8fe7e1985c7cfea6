// What cosmowatch wants in Azure, in the resource group of the Log Analytics workspace. The modules are the ARM
// templates beside this file (`cosmowatch azure template all` prints the same as one template).
//
//   az deployment group create -g GROUP -f main.bicep -p workspaceName=W principalId=ID --query properties.outputs
//
// SPDX-License-Identifier: Apache-2.0

@description('Name of the Log Analytics workspace, in the resource group of this deployment.')
param workspaceName string

@description('Region of the workspace.')
param location string = resourceGroup().location

@description('Object id of the service principal or managed identity that sends alerts. Empty: give it the role by hand.')
param principalId string = ''

@description('What the rule feeds: `table` of the sentinel output. The Sentinel rule and the workbook read custom.')
@allowed(['custom', 'asim', 'common_security_log'])
param table string = 'custom'

@description('Stream that the agent sends to: `stream` of the sentinel output.')
param streamName string = 'Custom-CosmosWatchAlerts'

@description('Raise incidents; the workspace must have Microsoft Sentinel.')
param withRule bool = true

@description('Add the workbook.')
param withWorkbook bool = true

@description('Make every Cosmos DB account of the subscription log what the agent reads; needs rights on the subscription.')
param withPolicy bool = false

resource workspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' existing = {
  name: workspaceName
}

module alertTable 'table.json' = if (table == 'custom') {
  name: 'cosmowatch-table'
  params: {
    workspaceName: workspaceName
  }
}

module dcr 'dcr.json' = {
  name: 'cosmowatch-dcr'
  params: {
    workspaceName: workspaceName
    location: location
    principalId: principalId
    table: table
    streamName: streamName
  }
  dependsOn: [alertTable]
}

module rule 'rule.json' = if (withRule && table == 'custom') {
  name: 'cosmowatch-rule'
  params: {
    workspaceName: workspaceName
  }
  dependsOn: [alertTable]
}

module workbook 'workbook.json' = if (withWorkbook && table == 'custom') {
  name: 'cosmowatch-workbook'
  params: {
    workspaceName: workspaceName
    location: location
  }
  dependsOn: [alertTable]
}

module policy 'policy.json' = if (withPolicy) {
  name: 'cosmowatch-policy'
  scope: subscription()
  params: {
    workspaceId: workspace.id
    location: location
  }
}

output endpoint string = dcr.outputs.endpoint
output rule string = dcr.outputs.rule
output stream string = dcr.outputs.stream
