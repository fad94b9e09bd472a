// All headers read among the macros that other libraries define: the library uses none of their names.

#include "foreign_headers.hpp"

// <windows.h>
#define min(a, b) zeroth_is_trapped_by_min
#define max(a, b) zeroth_is_trapped_by_max
#define small zeroth_is_trapped_by_small
#define near zeroth_is_trapped_by_near
#define far zeroth_is_trapped_by_far
#define interface zeroth_is_trapped_by_interface
#define ERROR zeroth_is_trapped_by_ERROR
#define IN zeroth_is_trapped_by_IN
#define OUT zeroth_is_trapped_by_OUT
#define OPTIONAL zeroth_is_trapped_by_OPTIONAL
#define DELETE zeroth_is_trapped_by_DELETE
#define CONST zeroth_is_trapped_by_CONST
#define VOID zeroth_is_trapped_by_VOID
#define TRUE zeroth_is_trapped_by_TRUE
#define FALSE zeroth_is_trapped_by_FALSE
// <complex.h>, <termios.h>, Arduino and embedded headers
#define I zeroth_is_trapped_by_I
#define U zeroth_is_trapped_by_U
#define B0 zeroth_is_trapped_by_B0
#define F zeroth_is_trapped_by_F
// <sys/sysmacros.h>
#define major(x) zeroth_is_trapped_by_major
#define minor(x) zeroth_is_trapped_by_minor
// <math.h> of System V
#define DOMAIN zeroth_is_trapped_by_DOMAIN
#define SING zeroth_is_trapped_by_SING
#define OVERFLOW zeroth_is_trapped_by_OVERFLOW
#define UNDERFLOW zeroth_is_trapped_by_UNDERFLOW
// <X11/Xlib.h>
#define None zeroth_is_trapped_by_None
#define Status zeroth_is_trapped_by_Status
#define Bool zeroth_is_trapped_by_Bool
#define Success zeroth_is_trapped_by_Success
#define Always zeroth_is_trapped_by_Always
// <AssertMacros.h> of macOS, and test frameworks
#define check(...) zeroth_is_trapped_by_check
#define verify(...) zeroth_is_trapped_by_verify
#define CHECK(...) zeroth_is_trapped_by_CHECK
#define REQUIRE(...) zeroth_is_trapped_by_REQUIRE

#include "all_headers.hpp"
