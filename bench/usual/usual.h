/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USUAL_H
#define USUAL_H

#include <linux/ioctl.h>

#define USUAL_BAR		2

#define USUAL_IOC_NOTHING	_IO('u', 0)	/* returns at once */
#define USUAL_IOC_READ		_IO('u', 1)	/* readl() */
#define USUAL_IOC_FLUSH		_IO('u', 2)	/* wmb(), readl() */

#endif
