// Pages are whole without this script. It shows times in the reader's own zone when they are pointed at, also after htmx
// has replaced a part of the page.
(function () {
  "use strict";
  function local(root) {
    root.querySelectorAll("time[datetime]").forEach(function (t) {
      t.title = new Date(t.dateTime).toLocaleString();
    });
  }
  local(document);
  document.addEventListener("htmx:afterSettle", function () { local(document); });
})();
