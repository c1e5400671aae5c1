// Package sqldb gives the values of SQL systems one form, so that the same data reads the same from any of them.
//
// The rules, which every warehouse follows:
//
//   - A day or an instant whose year lies outside 1–9999 is text, as are the infinite ones: "infinity",
//     "-infinity", "-0043-03-15", "+10000-01-01T00:00:00Z". A mapping that needs a date makes that row invalid.
//   - A float that is no number stays a float64 (NaN or ±Inf), also where it stands in a decimal column, for a
//     Decimal has no such values. A mapping that needs a number makes that row invalid.
//   - A 4-byte float is the float64 with the same shortest decimal digits, 0.1 and not 0.10000000149011612; one that
//     is an integer below 2^53 is that integer.
//   - A time of day is "15:04:05.999999", with "+02" or "+05:30" where it has an offset; an interval is ISO 8601
//     as in "P1Y2M3DT4H5M6.5S"; a UUID is lower-case text with hyphens.
//   - JSON is canonical: no spaces, keys sorted by their bytes with the last of equal ones kept, numbers in the
//     digits that the system gave, and no more escapes than JSON demands.
//   - Lists are JSON arrays and structs JSON objects. In them a day, an instant, a UUID and the like is a string,
//     bytes are base64, decimals and integers are numbers in full, and a float that is no number is the string
//     "NaN", "Infinity" or "-Infinity".
package sqldb
