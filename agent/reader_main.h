/* reader_main.h - what the process apart can do: main() becomes it when it was started to be it (apart/apart.h).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_READER_MAIN_H
#define COSMOWATCH_READER_MAIN_H

int reader_main(void);

#endif
