#pragma once

/// All that zeroth::any compiles, for a program that does not link it: to be included in one of its files.

#include <zeroth/any/sources/directions.cpp>
#include <zeroth/any/sources/exact.cpp>
#include <zeroth/any/sources/in_place.cpp>
#include <zeroth/any/sources/method.cpp>
#include <zeroth/any/sources/optimizer.cpp>
#include <zeroth/any/sources/snapshot.cpp>
