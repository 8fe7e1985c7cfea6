/* world.h - a map of the world, small and without detail. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_WORLD_H
#define COSMOWATCH_CONSOLE_WORLD_H

/* The coasts as an SVG path in degrees, east and north: closed outlines through capes and bays, drawn by hand to a degree or
 * two. Enough to see a continent behind a dot. */
extern const char world_coasts[];

#endif
