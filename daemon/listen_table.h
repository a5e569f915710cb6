/* SPDX-License-Identifier: ISC */
/*
 * Which connections there are: whose they are and how many each source has.
 * Used by listen.c alone.  A source is an IPv4 address or an IPv6 /64; the /48
 * that that is in has four times as many.
 */
#ifndef DAEMON_LISTEN_TABLE_H
#define DAEMON_LISTEN_TABLE_H

#include "common/compat.h"

struct child;
struct ip;

/* Connections in all, and of one source, from now on. */
void	listen_table_limits(uint64_t all, uint64_t source);
/* A connection from ip (NULL: of no limited source) goes to c: 0 with its
 * number, or -1: one limit says no. */
int	listen_table_add(const struct ip *, struct child *c, uint32_t *conn);
/* It ended: 0, or -1: c has no such connection. */
int	listen_table_end(struct child *, uint32_t conn);
size_t	listen_table_count(void);
/* 1 if more than nine tenths of all that there may be are there. */
int	listen_table_crowded(void);
/* Of a connection: its socket's peer, and whether that may tell of clients
 * (a trusted proxy). */
void	listen_table_from(uint32_t conn, const struct ip *peer, int tells);
/* The same of a connection that c has: 0, or -1: c has no such one. */
int	listen_table_peer(const struct child *c, uint32_t conn, struct ip *peer,
	    int *tells);
/* 1 if the worker in this slot has lately been given a connection from ip,
 * or one whose peer may tell of it. */
int	listen_table_knows(uint32_t slot, const struct ip *ip);

#endif
