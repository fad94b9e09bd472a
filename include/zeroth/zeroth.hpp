#pragma once

/// Everything of zeroth that needs nothing but the standard library.

#include <zeroth/backends/reference.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/config.hpp>
#include <zeroth/cursor.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/directions/uniform.hpp>
#include <zeroth/estimators/one_sided_rge.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>
#include <zeroth/optimizer.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/conservative.hpp>
#include <zeroth/updates/momentum.hpp>
#include <zeroth/updates/sgd.hpp>
#include <zeroth/updates/sign_sgd.hpp>
