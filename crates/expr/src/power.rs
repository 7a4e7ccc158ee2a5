//! `**` as the reference computes it: by squaring, which gives other last digits than the C library's `pow`
//! but the same ones on every machine, as long as the exponent is whole or a half.

/// `base ** exponent`.
pub(crate) fn power(base: f64, exponent: f64) -> f64 {
    match special(base, exponent) {
        Some(result) => result,
        None => by_squaring(base, exponent),
    }
}

/// The cases that need no computing: zeros, ones, halves, infinities, and what is no number.
fn special(base: f64, exponent: f64) -> Option<f64> {
    // Beyond 2^53 every float is even.
    let odd =
        exponent.trunc() == exponent && exponent.abs() < 9_007_199_254_740_992.0 && exponent % 2.0 != 0.0;
    let signed = |magnitude: f64| if base.is_sign_negative() && odd { -magnitude } else { magnitude };
    if exponent == 0.0 || base == 1.0 {
        Some(1.0)
    } else if exponent == 1.0 {
        Some(base)
    } else if base.is_nan() || exponent.is_nan() {
        Some(f64::NAN)
    } else if base == 0.0 {
        Some(signed(if exponent < 0.0 { f64::INFINITY } else { 0.0 }))
    } else if exponent.is_infinite() {
        Some(if base == -1.0 { 1.0 } else { limit(base, exponent) })
    } else if base.is_infinite() {
        Some(signed(if exponent < 0.0 { 0.0 } else { f64::INFINITY }))
    } else if exponent == 0.5 {
        Some(base.sqrt())
    } else if exponent == -0.5 {
        Some(1.0 / base.sqrt())
    } else if base < 0.0 && exponent.fract() != 0.0 {
        Some(f64::NAN)
    } else if exponent.abs() >= i64::MAX as f64 {
        Some(if base == -1.0 { 1.0 } else { limit(base, exponent) })
    } else {
        None
    }
}

/// Where the power goes with an exponent beyond all bounds.
fn limit(base: f64, exponent: f64) -> f64 {
    if (base.abs() < 1.0) == (exponent > 0.0) { 0.0 } else { f64::INFINITY }
}

fn by_squaring(base: f64, exponent: f64) -> f64 {
    let (mut whole, mut part) = (exponent.abs().trunc(), exponent.abs().fract());
    let mut mantissa = 1.0;
    if part != 0.0 {
        if part > 0.5 {
            part -= 1.0;
            whole += 1.0;
        }
        mantissa = (part * base.ln()).exp();
    }
    // The result is `mantissa * 2 ** exponent_of_two`, and so cannot overflow half-way.
    let mut exponent_of_two = 0i64;
    let (mut square, mut square_exponent) = split(base);
    let mut rest = whole as i64;
    while rest != 0 {
        if square_exponent.abs() > 1 << 12 {
            exponent_of_two += square_exponent;
            break;
        }
        if rest & 1 == 1 {
            mantissa *= square;
            exponent_of_two += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        rest >>= 1;
    }
    if exponent < 0.0 {
        mantissa = 1.0 / mantissa;
        exponent_of_two = -exponent_of_two;
    }
    scale(mantissa, exponent_of_two)
}

/// A mantissa of a half up to one (and its sign) and the power of two to multiply it with; of finite numbers.
fn split(number: f64) -> (f64, i64) {
    // Numbers below the normal ones have no exponent of their own.
    if number != 0.0 && !number.is_normal() {
        let (mantissa, exponent) = split(number * 2f64.powi(64));
        return (mantissa, exponent - 64);
    }
    let bits = number.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64 - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent)
}

/// `mantissa * 2 ** exponent`, in steps that are exact but for the last.
fn scale(mut mantissa: f64, exponent: i64) -> f64 {
    let mut exponent = exponent.clamp(-4096, 4096);
    while exponent > 1000 {
        mantissa *= 2f64.powi(1000);
        exponent -= 1000;
    }
    // Down in one step once the result is below the normal numbers, since each step rounds there.
    while exponent < -1000 {
        let step = (-1000).max(exponent + 500);
        mantissa *= 2f64.powi(step as i32);
        exponent -= step;
    }
    mantissa * 2f64.powi(exponent as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_the_reference() {
        let check = |base: f64, exponent: f64, wanted: f64| {
            let result = power(base, exponent);
            assert!(
                result == wanted || result.is_nan() && wanted.is_nan(),
                "{base} ** {exponent} is {result}"
            );
        };
        check(115.0, 115.0, 9.555460920302528e236);
        check(116.0, 116.0, 3.000037962520004e239);
        check(114.0, 114.0, 3.07010375168685e234);
        check(2.0, 10.0, 1024.0);
        check(2.0, -1.0, 0.5);
        check(10.0, 15.0, 1e15);
        check(-2.0, 3.0, -8.0);
        check(2.0, 0.5, 2f64.sqrt());
        check(4.0, 1.5, 8.0);
        check(0.5, 2.0, 0.25);
        check(2.0, 1023.0, f64::MAX / 2.0 + 2f64.powi(970));
        check(2.0, 1024.0, f64::INFINITY);
        check(2.0, -1074.0, f64::from_bits(1));
        check(2.0, -2000.0, 0.0);
        check(1e-310, 2.0, 0.0);
        check(1e-310, -1.0, 1.0 / 1e-310);
        check(-8.0, 1.0 / 3.0, f64::NAN);
        check(0.0, -1.0, f64::INFINITY);
        check(-0.0, -3.0, f64::NEG_INFINITY);
        check(f64::NEG_INFINITY, 3.0, f64::NEG_INFINITY);
        check(f64::NEG_INFINITY, 2.0, f64::INFINITY);
        check(-1.0, f64::INFINITY, 1.0);
        check(0.5, f64::INFINITY, 0.0);
        check(2.0, f64::NEG_INFINITY, 0.0);
        check(1.5, 1e300, f64::INFINITY);
        check(f64::NAN, 0.0, 1.0);
        check(f64::NAN, 2.0, f64::NAN);
    }

    #[test]
    fn numbers_are_split_and_put_together_again() {
        for number in [1.0, -3.5, 0.1, 1e300, -1e-300, 1e-310, f64::from_bits(1), f64::MAX] {
            let (mantissa, exponent) = split(number);
            assert!((0.5..1.0).contains(&mantissa.abs()), "{number}");
            assert_eq!(scale(mantissa, exponent), number);
        }
    }
}
