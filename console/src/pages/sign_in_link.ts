// A link to sign in carries its secret behind `#`, where no server sees it; it is sent as a form.

const field = document.querySelector<HTMLInputElement>('input[name="link"]');
const secret = location.hash.slice(1);
if (field?.form && secret) {
  field.value = secret;
  history.replaceState(null, "", location.pathname);
  field.form.requestSubmit();
}
