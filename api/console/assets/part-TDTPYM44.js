import{a as p,b as l}from"./part-ULL734ZZ.js";import{a as u}from"./part-CEXTGG6R.js";import{a as m}from"./part-VNNIX2YY.js";import{a as c}from"./part-SWGRMGGF.js";function k(e,t,o={}){m(e,(n,i)=>{let r=[],f=async a=>{a.preventDefault();let g=new FormData(a.currentTarget);try{await t(v(g,o)),i()}catch(s){if(!(s instanceof u))throw s;r=s.problem.needed??[],r.length?d():c(s.message,{isFault:!0})}},d=()=>p(b(e,r,o,a=>{f(a)},i),n);d(),queueMicrotask(()=>n.querySelector("input")?.focus())})}function v(e,t){return{reason:String(e.get("reason")??""),...t.read?.(e)??{},...e.get("override")?{override:!0}:{}}}function b(e,t,o,n,i){return l`<form class="stack" onSubmit=${n}>
    ${o.field}
    <label class="field"><span>Why, for the audit log</span><input type="text" name="reason" maxlength="500" required=${t.length>0||o.isReasonNeeded} /></label>
    ${t.length>0&&l`<div class="banner warning" role="alert"><strong>It does not keep the bounds of its promotion yet:</strong><ul class="points">${t.map(r=>l`<li>${r}</li>`)}</ul></div>
      <label><input type="checkbox" name="override" required /> Let it act all the same</label>`}
    <div class="row"><button class="primary">${e}</button><button type="button" onClick=${i}>Leave it</button></div>
  </form>`}export{k as a};
