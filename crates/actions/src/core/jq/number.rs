//! Numbers of a query: whole ones of 64 bits are exact, all others have a fraction.

use std::cmp::Ordering;

use serde_json::Number;

/// Up to here each whole number has a place among those with a fraction.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

#[derive(Clone, Copy, Debug)]
pub(super) enum Num {
    Int(i64),
    /// A whole number above those of `Int`: exact until something is calculated with it.
    Big(u64),
    Float(f64),
}

impl Num {
    pub(super) fn from_json(number: &Number) -> Self {
        match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Self::Int(int),
            (None, Some(big)) => Self::Big(big),
            (None, None) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    /// None for what is no number; what is infinite becomes the largest there is. Whole numbers are written without a
    /// fraction.
    pub(super) fn to_json(self) -> Option<Number> {
        match self {
            Self::Int(int) => Some(int.into()),
            Self::Big(big) => Some(big.into()),
            #[allow(clippy::cast_possible_truncation)] // whole and within bounds
            Self::Float(float) if float.fract() == 0.0 && float.abs() <= EXACT_MAX => {
                Some((float as i64).into())
            }
            Self::Float(float) if float.is_nan() => None,
            Self::Float(float) => Number::from_f64(float.clamp(f64::MIN, f64::MAX)),
        }
    }

    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Big(big) => big as f64,
            Self::Float(float) => float,
        }
    }

    /// The whole number, also if it is written with a fraction of zero.
    pub(super) fn as_i64(self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(int),
            Self::Big(_) => None,
            #[allow(clippy::cast_possible_truncation)] // whole and within bounds
            Self::Float(float) => (float.fract() == 0.0 && float.abs() <= EXACT_MAX).then_some(float as i64),
        }
    }

    /// The whole number below it, or above it; at the ends of 64 bits if it lies outside.
    #[allow(clippy::cast_possible_truncation)] // saturates
    pub(super) fn rounded(self, up: bool) -> i64 {
        match self {
            Self::Int(int) => int,
            Self::Big(_) => i64::MAX,
            Self::Float(float) => (if up { float.ceil() } else { float.floor() }) as i64,
        }
    }

    pub(super) fn is_nan(self) -> bool {
        matches!(self, Self::Float(float) if float.is_nan())
    }

    /// Calculates with whole numbers if both are and the result is one, else with fractions.
    pub(super) fn calculate(
        self,
        other: Self,
        whole: fn(i64, i64) -> Option<i64>,
        fraction: fn(f64, f64) -> f64,
    ) -> Self {
        if let (Self::Int(one), Self::Int(other)) = (self, other)
            && let Some(int) = whole(one, other)
        {
            return Self::Int(int);
        }
        Self::Float(fraction(self.as_f64(), other.as_f64()))
    }

    /// A total order; what is no number comes first.
    pub(super) fn compare(self, other: Self) -> Ordering {
        let exact = |number: Self| match number {
            Self::Int(int) => Some(i128::from(int)),
            Self::Big(big) => Some(i128::from(big)),
            Self::Float(_) => None,
        };
        if let (Some(one), Some(other)) = (exact(self), exact(other)) {
            return one.cmp(&other);
        }
        let (one, other) = (self.as_f64(), other.as_f64());
        one.partial_cmp(&other).unwrap_or_else(|| other.is_nan().cmp(&one.is_nan()))
    }
}
