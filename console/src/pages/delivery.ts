// A delivery: it can be sent again.

import "./every_page.js";
import { call } from "../api.js";
import { doing } from "../doing.js";

const button = document.querySelector<HTMLButtonElement>("[data-again]");
if (button) {
  const webhook = encodeURIComponent(button.dataset["webhook"] ?? "");
  const body = { numbers: [Number(button.dataset["number"])] };
  doing(button, "It is sent again, with the same id.", () => call("POST", `/v1/webhooks/${webhook}:send_again`, body));
}
