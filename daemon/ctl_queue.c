/* SPDX-License-Identifier: ISC */
/*
 * jmapctl queue list, show, retry and cancel: one message each.  Called by the
 * table of ctl.c.  A message is named by its number in hexadecimal, as logs
 * and "list" do.
 */
#include "common/compat.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "daemon/ctl.h"
#include "daemon/ctl_queue.h"

int
ctl_queue_list(int argc, char *argv[])
{
	struct msg_ctl_queue	 m = { MSG_CTL_QUEUE_LIST, 0, 0 };

	(void)argc;
	(void)argv;
	return ctl_call(MSG_CTL_QUEUE, &m, NULL, 0);
}

int
ctl_queue_id(int argc, char *argv[])
{
	struct msg_ctl_queue	 m = { MSG_CTL_QUEUE_SHOW, 0, 0 };
	char			*end;

	if (argc != 2)
		return ctl_usage();
	if (strcmp(argv[0], "retry") == 0)
		m.op = MSG_CTL_QUEUE_RETRY;
	else if (strcmp(argv[0], "cancel") == 0)
		m.op = MSG_CTL_QUEUE_CANCEL;
	if (m.op == MSG_CTL_QUEUE_RETRY && strcmp(argv[1], "all") == 0)
		return ctl_call(MSG_CTL_QUEUE, &m, NULL, 0);
	errno = 0;
	m.id = strtoull(argv[1], &end, 16);
	if (m.id == 0 || *end != '\0' || errno != 0) {
		warnx("\"%s\" is not the number of a message", argv[1]);
		return CTL_USAGE;
	}
	return ctl_call(MSG_CTL_QUEUE, &m, NULL, 0);
}
