/* odata_tree.h - the tree of an OData filter, shared by who makes it (odata_read.c) and who judges it (odata_judge.c).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ODATA_TREE_H
#define COSMOWATCH_ODATA_TREE_H

#include "detectors/kit/query_reading.h"

/* Kinds of struct query_node; brackets that only group leave no node. */
enum odata_node { O_OR = 1, O_AND, O_NOT, O_COMPARE, O_LITERAL, O_BOOL, O_NAME, O_CALL };

void odata_judge(struct query_reading *r);

#endif
