#include <zeroth/any/method.hpp>
#include <zeroth/ground/setting.hpp>
#include <zeroth/parameters/block_scales.hpp>
#include <zeroth/parameters/pattern.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <locale>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

namespace {

/// Reads and writes a Method's values; numbers as "C" has them, whatever the program's locale.
struct MethodText {
    [[noreturn]] static void refuse(std::string_view name, std::string_view value, const std::string& what) {
        throw std::invalid_argument{"zeroth: method: " + std::string{name} + "=" + std::string{value} + ": " + what};
    }

    template <class Number>
    static Number number(std::string_view name, std::string_view value) {
        std::istringstream in{std::string{value}};
        in.imbue(std::locale::classic());
        Number number{};
        const bool is_signed = value.find('-') == 0;
        if (!(in >> number) || in.peek() != std::istringstream::traits_type::eof() || (is_signed && !std::numeric_limits<Number>::is_signed)) {
            refuse(name, value, std::numeric_limits<Number>::is_integer ? "not a whole number" : "not a number");
        }
        return number;
    }
    static void read(std::string_view, std::string_view value, std::string& to) { to = value; }
    static void read(std::string_view name, std::string_view value, bool& to) {
        if (value != "true" && value != "false" && value != "meazo" && value != "none") {
            refuse(name, value, "true or false");
        }
        to = value == "true" || value == "meazo";
    }
    template <class Number>
    static void read(std::string_view name, std::string_view value, Number& to) {
        to = number<Number>(name, value);
    }
    template <class Number>
    static void read(std::string_view name, std::string_view value, std::optional<Number>& to) {
        to = number<Number>(name, value);
    }

    static std::string write(const std::string& value) { return value; }
    static std::string write(bool value) { return value ? "true" : "false"; }
    template <class Number>
    static std::string write(Number value) {
        std::ostringstream out;
        out.imbue(std::locale::classic());
        // As few digits as give it back.
        for (int digits = 6; digits <= std::numeric_limits<double>::max_digits10; ++digits) {
            out.str({});
            out.precision(digits);
            out << value;
            if (number<Number>("", out.str()) == value) {
                break;
            }
        }
        return out.str();
    }
    template <class Number>
    static std::string write(const std::optional<Number>& value) {
        return value.has_value() ? write(*value) : std::string{};
    }
};

/// visit(name, member, whether the parts' names) for each of them.
template <class M, class Visit>
void for_each_member(M& method, const Visit& visit) {
    visit("estimator", method.estimator, true);
    visit("kernel-order", method.kernel_order, true);
    visit("direction", method.direction, true);
    visit("update", method.update, true);
    visit("normalize", method.normalize, true);
    visit("window", method.window, true);
    visit("restore", method.restore, true);
    visit("mask", method.mask, true);
    visit("mask-every", method.mask_every, true);
    visit("block-order", method.block_order, true);
    visit("scales", method.scales, false);
    visit("queries", method.queries, false);
    visit("epsilon", method.epsilon, false);
    visit("learning-rate", method.learning_rate, false);
    visit("schedule", method.schedule, false);
    visit("steps", method.steps, false);
    visit("weight-decay", method.weight_decay, false);
    visit("momentum", method.momentum, false);
    visit("beta1", method.beta1, false);
    visit("beta2", method.beta2, false);
    visit("clip", method.clip, false);
    visit("first-order-rate", method.first_order_rate, false);
}

/// Parts of a text between single characters.
std::vector<std::string_view> parts_of(std::string_view text, char between) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t end = text.find(between);
        if (end != 0) {
            parts.push_back(text.substr(0, end));
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return parts;
}

std::string text_of(const Method& method, bool names_alone) {
    const Method usual;
    std::vector<std::string> usual_values;
    for_each_member(usual, [&](std::string_view, const auto& value, bool) { usual_values.push_back(MethodText::write(value)); });
    std::string text;
    std::size_t i = 0;
    for_each_member(method, [&](std::string_view name, const auto& value, bool is_name) {
        const std::string written = MethodText::write(value);
        const bool is_usual = written == usual_values[i++];
        const bool is_said = names_alone ? is_name && (!is_usual || i <= 1) : !is_usual || i <= 1;
        if (is_said) {
            text += (text.empty() ? "" : " ") + std::string{name} + "=" + written;
        }
    });
    return text;
}

} // namespace

Method Method::from(std::string_view text) {
    Method method;
    std::string spaced{text};
    for (char& c : spaced) {
        c = c == '\n' || c == '\t' || c == '\r' ? ' ' : c;
    }
    const std::vector<std::string_view> parts = parts_of(spaced, ' ');
    for (std::size_t i = 0; i < parts.size(); ++i) {
        std::string_view name = parts[i];
        std::string_view value;
        const bool is_option = name.substr(0, 2) == "--";
        name.remove_prefix(is_option ? 2 : 0);
        const std::size_t equals = name.find('=');
        if (equals != std::string_view::npos) {
            value = name.substr(equals + 1);
            name = name.substr(0, equals);
        } else if (is_option && i + 1 < parts.size()) {
            value = parts[++i];
        } else {
            throw std::invalid_argument{"zeroth: method: '" + std::string{parts[i]} + "' is not NAME=VALUE"};
        }
        bool is_known = false;
        std::string names;
        for_each_member(method, [&](std::string_view own, auto& member, bool) {
            names += (names.empty() ? "" : ", ") + std::string{own};
            if (own == name) {
                is_known = true;
                MethodText::read(name, value, member);
            }
        });
        if (!is_known) {
            throw std::invalid_argument{"zeroth: method: there is no '" + std::string{name} + "'; there are " + names};
        }
    }
    return method;
}

std::string Method::description() const { return text_of(*this, false); }
std::string Method::kind() const { return text_of(*this, true); }

Schedule Method::schedule_of(double of) const {
    const std::size_t colon = schedule.find(':');
    const std::string name = schedule.substr(0, colon);
    const auto warmed = [&](auto then) -> Schedule {
        if (colon == std::string::npos) {
            return then;
        }
        return WarmUp{.steps = MethodText::number<std::uint64_t>("schedule", schedule.substr(colon + 1)), .then = then};
    };
    if (name == "constant") {
        return warmed(Constant{of});
    }
    if (name == "linear") {
        return warmed(Linear{.rate = of, .steps = steps});
    }
    if (name == "cosine") {
        return warmed(Cosine{.rate = of, .steps = steps});
    }
    if (name == "trapezoid") {
        return warmed(Linear{.rate = of, .steps = steps, .hold = steps / 2});
    }
    MethodText::refuse("schedule", schedule, "there are constant, linear, cosine and trapezoid");
}

MaskChoice Method::mask_choice() const {
    MaskChoice choice{.every = mask_every};
    if (mask == "none") {
        return choice;
    }
    const std::size_t colon = mask.find(':');
    const std::string name = mask.substr(0, colon);
    const std::string rest = colon == std::string::npos ? std::string{} : mask.substr(colon + 1);
    const std::pair<const char*, MaskKind> kinds[] = {
        {"bernoulli", MaskKind::bernoulli}, {"global", MaskKind::global}, {"magnitude", MaskKind::magnitude}, {"small", MaskKind::small}};
    for (const auto& [known, kind] : kinds) {
        if (name == known) {
            choice.kind = kind;
            choice.share = MethodText::number<double>("mask", rest);
            require_setting(choice.share > 0 && choice.share <= 1, "mask", choice.share, "a share over 0 and at most 1");
            return choice;
        }
    }
    if (colon == std::string::npos || name.find_first_not_of("0123456789") != std::string::npos) {
        MethodText::refuse("mask", mask, "there are none, bernoulli:S, global:S, magnitude:S, small:S and N:M");
    }
    choice.kind = MaskKind::n_of_m;
    choice.n = MethodText::number<std::uint32_t>("mask", name);
    choice.m = MethodText::number<std::uint32_t>("mask", rest);
    return choice;
}

Array<double> Method::scales_of(const Parameters& parameters) const {
    if (scales == "rms") {
        return scales_by_rms(parameters);
    }
    Array<double> factors(parameters.blocks().size());
    for (double& factor : factors) {
        factor = 1;
    }
    if (scales == "none") {
        return factors;
    }
    std::vector<std::pair<std::string_view, double>> patterns;
    for (const std::string_view part : parts_of(scales, ',')) {
        const std::size_t equals = part.rfind('=');
        if (equals == std::string_view::npos) {
            MethodText::refuse("scales", scales, "there are none, rms and PATTERN=FACTOR,...");
        }
        patterns.emplace_back(part.substr(0, equals), MethodText::number<double>("scales", part.substr(equals + 1)));
    }
    std::vector<bool> fits(patterns.size());
    for (std::size_t b = 0; b < factors.size(); ++b) {
        for (std::size_t p = patterns.size(); p-- > 0;) { // the first that fits
            if (matches(patterns[p].first, parameters.blocks()[b].name)) {
                factors[b] = patterns[p].second;
                fits[p] = true;
            }
        }
    }
    for (std::size_t p = 0; p < patterns.size(); ++p) {
        if (!fits[p]) {
            MethodText::refuse("scales", scales, "pattern '" + std::string{patterns[p].first} + "' fits no block's name");
        }
    }
    return factors;
}

ZEROTH_END_NAMESPACE
